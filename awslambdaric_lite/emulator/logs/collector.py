"""The socket of `_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET`, which receives the logs of workers of Managed Instances.

It provides no descriptor, in spite of its name: each worker connects and uses the connection as its standard output or
its standard error. It writes lines, as to any output.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import socket
from collections.abc import Callable
from pathlib import Path

from .pipe_reader import PIPE_SIZE, READ_SIZE, drain, pending_size, size_of_lines
from .stream import Output

MAX_PATH = 107  # bytes of a socket's address, without its last NUL; source: unix(7)
_ROUNDS = 32  # each of them accepts one new connection
_MAX_READ = 8 * PIPE_SIZE  # bytes; a worker that never stops must not block the others
_PART = 4  # connections that are read in one turn of the event loop
_RETRY_S = 1.0  # after which a connection is accepted although none was closed
_BACKLOG = 1024  # of connections, two for each worker, when all of them start
_log = logging.getLogger(__name__)


class LogCollector:
    """Listening socket, which is a `LogSource`; `new_output` creates the reader of one connection.

    Above `most` connections, or without a free descriptor, further ones wait until one is closed.

    `path` is the socket's path for this process, `path_inside` for the runtime. With `watch`, the event loop reads
    output as it arrives; without, only `read` does.

    Raises:
        OSError: the path cannot be bound, e.g. because it is too long for a socket.
    """

    def __init__(
        self,
        path: Path,
        path_inside: Path,
        new_output: Callable[[], Output],
        *,
        most: int = _BACKLOG,
        watch: bool = True,
    ) -> None:
        self._path = path
        self._path_inside = path_inside
        self._new_output = new_output
        self._most = most
        self._retry: asyncio.TimerHandle | None = None  # while no connection is accepted
        self._warned = False
        self._reads_on_arrival = watch
        self._loop = asyncio.get_running_loop()
        self._outputs: dict[socket.socket, Output] = {}
        self._ready = selectors.DefaultSelector()  # finds the readable ones of many connections with one call
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)  # of an earlier process
            self._listener.bind(str(path))
            self._listener.listen(_BACKLOG)
        except BaseException:
            self._listener.close()
            self._ready.close()
            raise
        self._watch(self._listener)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that give the runtime the path."""
        return {"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(self._path_inside)}

    @property
    def inherited(self) -> tuple[int, ...]:
        """Nothing: workers connect by themselves."""
        return ()

    def handed_over(self) -> None:
        """Do nothing: the runtime inherits no descriptor."""

    def read(self) -> None:
        """Read the available output of all connections."""
        left = _MAX_READ
        for _ in range(_ROUNDS):
            if self._closed or not left or not (ready := self._ready.select(0)):
                return
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                size = min(pending_size(key.fd), left)
                left -= size
                self._read(key.fileobj, size or 1)  # a byte tells the end of a connection

    async def drain(self) -> None:
        """Read the output that is available now, in parts."""
        await drain(self._pending(), self._read_part)

    def close(self) -> None:
        """Read the rest and close everything."""
        if self._closed:
            return
        self.read()
        for connection in list(self._outputs):
            self._end(connection)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        else:
            self._loop.remove_reader(self._listener)
        self._listener.close()
        self._ready.close()
        self._path.unlink(missing_ok=True)

    @property
    def _closed(self) -> bool:
        return self._listener.fileno() < 0

    def _pending(self) -> int:
        """Accept the connections that wait; return the number of bytes in all of them."""
        if self._closed:
            return 0
        while self._read(self._listener):
            pass
        return sum(pending_size(connection.fileno()) for connection in self._outputs)

    def _read_part(self) -> int:
        if self._closed:
            return 0
        ready = [key.fileobj for key, _ in self._ready.select(0) if key.fileobj is not self._listener]
        return sum(self._read(each) for each in ready[:_PART] if isinstance(each, socket.socket))

    def _read(self, ready: socket.socket, size: int = 0) -> int:
        """Accept a connection, or read some lines or `size` bytes from one; return the number of either."""
        try:
            if ready is self._listener:
                return self._accept()
            data = ready.recv(size or size_of_lines(ready.recv(READ_SIZE, socket.MSG_PEEK)))
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:  # of a connection that was reset
            data = b""
        if data:
            self._outputs[ready].feed(data)
        else:
            self._end(ready)
        return len(data)

    def _accept(self) -> int:
        """Accept a connection; return 1, or 0 if none can be accepted now."""
        if self._retry is not None:
            return 0
        if len(self._outputs) >= self._most:
            return self._pause(f"{self._most} connections are open")
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            return self._pause(error.strerror or "no resources")
        self._outputs[connection] = self._new_output()
        self._watch(connection)
        return 1

    def _pause(self, reason: str) -> int:
        self._retry = self._loop.call_later(_RETRY_S, self._resume)
        self._forget(self._listener)
        if not self._warned:
            self._warned = True
            _log.warning("the log socket cannot accept a connection: %s; waiting until one is closed", reason)
        return 0

    def _resume(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self._watch(self._listener)

    def _end(self, connection: socket.socket) -> None:
        self._outputs.pop(connection).finish()
        self._forget(connection)
        connection.close()
        self._resume()

    def _watch(self, watched: socket.socket) -> None:
        watched.setblocking(False)
        self._ready.register(watched, selectors.EVENT_READ)
        if self._reads_on_arrival:
            self._loop.add_reader(watched, self._read, watched)

    def _forget(self, watched: socket.socket) -> None:
        self._loop.remove_reader(watched)
        self._ready.unregister(watched)
