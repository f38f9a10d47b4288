"""An HTTP server: a listener and its open connections."""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import resource
import socket
import time
from collections.abc import Callable, Iterable

from .authority import Address, AllowedHosts, Gate
from .connection import Connection
from .exchange import Application, RecordedRequest
from .faults import Faults
from .limits import Client, Limits, Waits

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RETRY_S = 1.0  # after which a connection is accepted although none was closed
_WARN_AGAIN_S = 600.0
_ACCEPTED_AT_ONCE = 64  # in one turn of the event loop
_MOST_CONNECTIONS = 1024
_FEWEST_CONNECTIONS = 16
_log = logging.getLogger(__name__)


class HttpServer:
    """Server of one application on a port (0 selects a free one).

    Requests have to name this machine or one of `allow_hosts`. `faults` are applied to requests. With
    `serve_half_closed`, a client that has closed its sending side still gets its response; without, it counts as
    disconnected, which fits responses that may never be sent. `limits` are those of the clients, and `owns` gets the
    client's address and ours, once for a connection; requests of a client for which it returns False get 403.

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
        limits: Limits | None = None,
        owns: Callable[[Address, Address], bool | None] | None = None,
    ) -> None:
        self.faults = Faults() if faults is None else faults
        self._serve_half_closed = serve_half_closed
        self._application = application
        self._recorded = recorded
        self._numbers = itertools.count(1)
        self._limits = Limits(allowed_connections()) if limits is None else limits
        self._owns = owns
        self._connections: set[Connection] = set()
        self._waits = Waits()
        self._look: asyncio.TimerHandle | None = None  # while connections are open
        self._accepting: dict[asyncio.Task[None], socket.socket] = {}
        self._quiet = asyncio.Event()
        self._retry: asyncio.TimerHandle | None = None  # while no connection can be accepted
        self._warned: dict[str, float] = {}
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
        for _ in range(_ACCEPTED_AT_ONCE):
            if len(self._connections) >= self._limits.connections:
                return self._pause(f"{len(self._connections)} connections are open")
            try:
                client, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return None
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                return self._pause(error.strerror or "no resources")
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(
                self._application,
                next(self._numbers),
                self._closed,
                self._recorded,
                self.faults,
                Gate(self._hosts, self._is_foreign),
                serve_half_closed=self._serve_half_closed,
            )
            self._connections.add(connection)
            self._quiet.clear()
            if self._look is None:
                self._look = self._loop.call_later(self._limits.interval_s, self._look_at_clients)
            task = self._loop.create_task(self._adopt(connection, client))
            self._accepting[task] = client
            task.add_done_callback(self._accepting.pop)
        return None

    def _pause(self, reason: str) -> None:
        """Accept no connection until one is closed, or a moment has passed; close one that has no request."""
        self._loop.remove_reader(self._listener.fileno())
        if self._retry is None:
            self._retry = self._loop.call_later(_RETRY_S, self._resume)
        self._warn("accept", f"cannot accept a connection: {reason}; waiting until one is closed")
        for client, wait, waited_s in self._waits.look(self._clients):
            if self._limits.may_make_room(wait, waited_s):
                return client.cut()
        return None

    def _look_at_clients(self) -> None:
        """Disconnect the clients that are over a limit of time."""
        self._look = None
        for client, wait, waited_s in self._waits.look(self._clients):
            if (reason := self._limits.excess(wait, waited_s)) is not None:
                self._warn(wait.activity, f"closed a connection: {reason}")
                client.expire()
        if self._connections:
            self._look = self._loop.call_later(self._limits.interval_s, self._look_at_clients)

    def _is_foreign(self, client: Address, server: Address) -> bool:
        if self._owns is None or self._owns(client, server) is not False:
            return False
        self._warn("foreign", "refused a process that is not one of this environment")
        return True

    @property
    def _clients(self) -> Iterable[Client]:
        return self._connections

    def _warn(self, kind: str, text: str) -> None:
        """Log a warning, unless one of its kind was logged recently."""
        now = time.monotonic()
        if now >= self._warned.get(kind, now):
            self._warned[kind] = now + _WARN_AGAIN_S
            _log.warning("%s %s", self.address, text)

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

    def freeze(self) -> None:
        """Stop the clock of the limits, because the clients are frozen."""
        self._waits.stop()

    def thaw(self) -> None:
        """Let the clock run again."""
        self._waits.go_on()

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
        if self._look is not None:
            self._look.cancel()
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
        for connection in list(self._connections):
            connection.cut()
        for task, client in list(self._accepting.items()):
            task.cancel()
            client.close()


def allowed_connections() -> int:
    """Return the number of connections that leaves most descriptors of this process for its environments."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    share = _MOST_CONNECTIONS if limit == resource.RLIM_INFINITY else limit // 4
    return min(max(share, _FEWEST_CONNECTIONS), _MOST_CONNECTIONS)
