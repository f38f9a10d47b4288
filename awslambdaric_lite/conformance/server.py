"""Servers that cases and tests script: one thread accepts connections, one for each connection responds."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from ..protocol.http_messages import BadRequest, RequestReader, render_response
from ..protocol.replies import JSON_TYPE, TOO_LARGE, Reply
from .messages import Render, Request

GUARD = 110.0  # seconds after which a test that still waits has failed
CHUNK_SIZE = 4096
_LINGER_S = 0.5
S = TypeVar("S", bound="SocketServer")


class Response(NamedTuple):
    """A response: status, header fields and body."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    render: Render | None = None

    @classmethod
    def of(cls, reply: Reply) -> Response:
        """Return the response of a reply."""
        return cls(reply.status, reply.headers, reply.body)


@dataclass(frozen=True)
class Reaction:
    """A response that differs from the regular one.

    Attributes:
        status: sent instead of the regular one, with `body`.
        ignored: the request does not change the state, as if it had never arrived.
        cut: bytes of the response that are sent before the connection is closed.
        close: close the connection after the response; `announced` says so in a header field.
        reset: close it with a reset, in which the client may lose what it has not read.
        bytewise: send each byte of the response by itself.
        edit: returns the pieces that are sent instead of the response; each is sent before the next one is made.
        before: called before the response is sent.
    """

    status: int | None = None
    body: bytes = b'{"errorMessage":"scripted","errorType":"Scripted"}'
    ignored: bool = False
    cut: int | None = None
    close: bool = False
    announced: bool = False
    reset: bool = False
    bytewise: bool = False
    edit: Callable[[bytes], Iterable[bytes]] | None = None
    before: Callable[[], object] | None = None


React = Callable[[Request, int], "Reaction | None"]


class SocketServer:
    """Listener with a thread for each connection; a context manager.

    Attributes:
        changed: the lock of all state, notified when a connection has ended.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.changed = threading.Condition()
        self._listener = listener
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self: S) -> S:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(GUARD)

    def stop(self) -> None:
        """Stop listening and close every connection."""
        with self.changed:
            for sock in (self._listener, *self._sockets):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()

    def _serve(self, sock: socket.socket, number: int) -> None:
        """Serve one connection until it ends; connections are numbered from 0."""
        raise NotImplementedError

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self.changed:
                self._sockets.append(sock)
                number = len(self._sockets) - 1
                self.changed.notify_all()
            self._start(self._serve_and_close, sock, number)

    def _serve_and_close(self, sock: socket.socket, number: int) -> None:
        try:
            with sock:
                self._serve(sock, number)
        except (OSError, BadRequest):
            pass  # the client, or the test, closed the connection
        finally:
            with self.changed:
                self._on_closed(number)
                self.changed.notify_all()

    def _on_closed(self, number: int) -> None:
        """Note the end of a connection; called with the lock."""


def _linger(sock: socket.socket) -> None:
    """Read the rest of a refused body for a while, as Go's server does: a reset could overtake the response."""
    sock.shutdown(socket.SHUT_WR)
    sock.settimeout(_LINGER_S)
    with contextlib.suppress(TimeoutError):
        while sock.recv(1 << 16):
            pass


class ScriptedServer(SocketServer):
    """Server that calls `script(sock, number)` for each connection: sends what no Runtime API would send."""

    def __init__(self, script: Callable[[socket.socket, int], object]) -> None:
        super().__init__(socket.create_server(("127.0.0.1", 0)))
        self._script = script
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(GUARD)
        self._script(sock, number)


class ApiDouble(SocketServer):
    """Double of a Runtime API over real sockets, which records every request.

    It shares messages, routes, replies and states with the emulator. The double in `tests/wire` is written by hand, so
    that a bug in those is found.

    Attributes:
        steps_when_scripted: whether a request whose status a reaction replaces changes the state, too.
    """

    steps_when_scripted = True

    def __init__(
        self,
        react: React | None = None,
        *,
        host: str = "127.0.0.1",
        limit: int | None = None,
        on_chunk: Callable[[bytes], object] | None = None,
    ) -> None:
        """`react(request, n)` can change the response to the n-th request (from 0) of that verb.

        `on_chunk` receives the chunks of streamed responses as they arrive; nothing more is read until it returns.

        A body of more than `limit` bytes is refused with 413 before it is read, and the connection is closed, as by a
        server in Go.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__(socket.create_server((host, 0), family=family, backlog=512))
        self._react = react
        self._limit = limit
        self._on_chunk = on_chunk
        self._requests: list[Request] = []
        self._seen: Counter[str] = Counter()
        self.port: int = self._listener.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """All received requests in order, each with the status of its response."""
        with self.changed:
            return list(self._requests)

    def _step(self, sock: socket.socket, request: Request) -> Response | None:
        """Change the state and return the response; None leaves the request without one. Called with the lock."""
        raise NotImplementedError

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = RequestReader(self._limit, self._on_chunk)
        while True:
            while (parsed := reader.take()) is not None:
                if not self._respond(sock, Request.of(parsed, number)):
                    return
            data = sock.recv(1 << 16)
            if not data:
                return
            reader.feed(data)

    def _respond(self, sock: socket.socket, request: Request) -> bool:
        """Respond to one request; return whether the connection stays open."""
        with self.changed:
            count = self._seen[request.verb]
            self._seen[request.verb] += 1
            reaction = (self._react(request, count) if self._react else None) or Reaction()
            skipped = reaction.ignored or (reaction.status is not None and not self.steps_when_scripted)
            response = None if skipped else self._step(sock, request)
            if request.unread:
                reaction, response = replace(reaction, announced=True), response and Response.of(TOO_LARGE)
            if reaction.status is not None:
                response = Response(reaction.status, [("Content-Type", JSON_TYPE)], reaction.body)
            self._requests.append(replace(request, status=None if response is None else response.status))
            self.changed.notify_all()
        if reaction.before is not None:
            reaction.before()
        if response is None and reaction.cut is None:
            if not reaction.ignored:
                self._on_held(request)
            return not reaction.ignored
        status, fields, body, render = response or Response(200, [], b"")
        if reaction.announced:
            fields = [*fields, ("Connection", "close")]
        data = render_response(status, fields, body, CHUNK_SIZE) if render is None else render(fields, body)
        data = data[: reaction.cut]
        pieces: Iterable[bytes] = [data]
        if reaction.bytewise:
            pieces = [data[at : at + 1] for at in range(len(data))]
        elif reaction.edit is not None:
            pieces = reaction.edit(data)
        for piece in pieces:
            sock.sendall(piece)
        if reaction.reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif request.unread:
            _linger(sock)
        return not (reaction.close or reaction.announced or reaction.reset or reaction.cut is not None)

    def _on_held(self, request: Request) -> None:
        """Note a request that gets no response."""
