"""An HTTP server: a listener and its open connections."""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import socket
from collections.abc import Iterable

from .authority import AllowedHosts
from .connection import Connection
from .exchange import Application, RecordedRequest
from .faults import Faults

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RETRY_S = 1.0  # after which a connection is accepted although none was closed
_log = logging.getLogger(__name__)


class HttpServer:
    """Server of one application on a port (0 selects a free one).

    Requests have to name this machine or one of `allow_hosts`. `faults` are applied to requests. With
    `serve_half_closed`, a client that has closed its sending side still gets its response; without, it counts as
    disconnected, which fits responses that may never be sent.

    Raises:
        OSError: the address cannot be opened for listening.
    """

    def __init__(
        self,
        application: Application,
        host: str = "127.0.0.1",
        port: int = 0,
        recorded: list[RecordedRequest] | None = None,
        faults: Faults | None = None,
        *,
        serve_half_closed: bool = True,
        allow_hosts: Iterable[str] = (),
    ) -> None:
        self.faults = Faults() if faults is None else faults
        self._serve_half_closed = serve_half_closed
        self._application = application
        self._recorded = recorded
        self._numbers = itertools.count(1)
        self._connections: set[Connection] = set()
        self._accepting: dict[asyncio.Task[None], socket.socket] = {}
        self._quiet = asyncio.Event()
        self._retry: asyncio.TimerHandle | None = None  # while no connection can be accepted
        self._warned = False
        self._loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024)
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()[:2]
        self._hosts = AllowedHosts(self.host, (host, *allow_hosts))
        self._loop.add_reader(self._listener.fileno(), self._accept)

    @property
    def address(self) -> str:
        """`host:port`, as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def _accept(self) -> None:
        # An accept loop in place of asyncio's server, so that `drain` can see the connections in the backlog.
        while True:
            try:
                client, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._warned = False
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                return self._pause(error)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(
                self._application,
                next(self._numbers),
                self._closed,
                self._recorded,
                self.faults,
                self._hosts,
                serve_half_closed=self._serve_half_closed,
            )
            self._connections.add(connection)
            self._quiet.clear()
            task = self._loop.create_task(self._adopt(connection, client))
            self._accepting[task] = client
            task.add_done_callback(self._accepting.pop)

    def _pause(self, error: OSError) -> None:
        """Accept no connection until one is closed, or a moment has passed."""
        self._loop.remove_reader(self._listener.fileno())
        if self._retry is None:
            self._retry = self._loop.call_later(_RETRY_S, self._resume)
        if not self._warned:
            self._warned = True
            _log.warning("%s cannot accept a connection: %s; waiting until one is closed", self.address, error.strerror)

    def _resume(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self._loop.add_reader(self._listener.fileno(), self._accept)

    async def _adopt(self, connection: Connection, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, client)
        except OSError:  # the client has disconnected already
            client.close()
            self._closed(connection)

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._resume()
        if not self._connections:
            self._quiet.set()

    async def drain(self, limit_s: float) -> None:
        """Wait until every client has disconnected and its data has been read.

        A client process that has exited is disconnected immediately; the limit is for clients that left a descriptor
        open in a process of another group.
        """
        self._accept()
        if self._connections:
            try:
                await asyncio.wait_for(self._quiet.wait(), limit_s)
            except asyncio.TimeoutError:
                return

    def close(self) -> None:
        """Stop listening and abort the open connections."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
        for connection in list(self._connections):
            connection.cut()
        for task, client in list(self._accepting.items()):
            task.cancel()
            client.close()
