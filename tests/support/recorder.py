"""A Runtime API double over real sockets: bytes in, bytes out, everything that arrived is kept.

It shares no code with the client or the emulator, so that no two of them can have a bug in common. Its states are those
of the classic (one invocation at a time) service; a `react` function bends single answers, for tests of failures.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from tests.support.runtime_messages import Event, Request, read_request, render

__all__ = ["Event", "React", "Reaction", "Recorder", "Request"]

API = "/2018-06-01/runtime"
EXTENSION = "/2020-01-01/extension/"


@dataclass(frozen=True)
class Reaction:
    """An answer that differs from what the state machine would say.

    Attributes:
        status: sent instead of the regular one, with `body`.
        ignored: the request does not change the state, as if it had never arrived.
        cut: bytes of the answer that are sent before the connection is closed.
        close: close the connection after the answer; `announced` says so in a header field.
        before: called when the answer is due.
    """

    status: int | None = None
    body: bytes = b'{"errorMessage":"scripted","errorType":"Scripted"}'
    ignored: bool = False
    cut: int | None = None
    close: bool = False
    announced: bool = False
    before: Callable[[], object] | None = None


React = Callable[[Request, int], "Reaction | None"]


@dataclass
class _State:
    pending: list[Event]
    current: Event | None = None
    answered: bool = False
    polled: bool = False
    requests: list[Request] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


class Recorder:
    """Serve a list of events to one client; a context manager.

    Attributes:
        finished: set when a poll arrives for which no event is left; that poll is never answered.
        registered: set when a registered extension asks for its first event; that is never answered, either.
    """

    def __init__(
        self,
        events: Sequence[Event],
        react: React | None = None,
        *,
        host: str = "127.0.0.1",
        limit: int | None = None,
        on_chunk: Callable[[bytes], object] | None = None,
        extensions: bool = True,
    ) -> None:
        """`react(request, n)` may bend the answer to the n-th request (from 0) of that verb.

        `on_chunk` gets the chunks of streamed responses as they arrive; no more is read until it returns. Without
        `extensions` the Extensions API answers 404.

        A body of more than `limit` bytes is answered with 413 before it was read, and the connection closed, as Go's
        server does.
        """
        self._on_chunk = None if on_chunk is None else self._watched(on_chunk)
        self._extensions = extensions
        self.registered = threading.Event()
        numbered = [
            event if event.request_id else replace(event, request_id=f"request-{number}")
            for number, event in enumerate(events)
        ]
        self._state = _State(numbered)
        self._react = react
        self._limit = limit
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.finished = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def __enter__(self) -> Recorder:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(10)

    def stop(self) -> None:
        """Stop listening and close every connection, as a Runtime API that is gone."""
        with self._lock:
            _shut(self._listener)
            for sock in self._sockets:
                _shut(sock)

    @property
    def requests(self) -> list[Request]:
        """What arrived so far, in order."""
        with self._lock:
            return list(self._state.requests)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watched(self, on_chunk: Callable[[bytes], object]) -> Callable[[bytes], object]:
        """A response that the test cuts off has been taken for one: the service ends such an invocation."""

        def watched(chunk: bytes) -> None:
            try:
                on_chunk(chunk)
            except OSError:
                with self._lock:
                    self._state.answered = True
                raise

        return watched

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets.append(sock)
                number = len(self._sockets) - 1
            self._start(self._serve, sock, number)

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            with sock, sock.makefile("rb") as stream:
                while (request := read_request(stream, number, self._limit, self._on_chunk)) is not None:
                    if not self._answer(sock, request):
                        return
        except OSError:
            pass  # the client, or the test, ended it

    def _answer(self, sock: socket.socket, request: Request) -> bool:
        """Answer one request; return whether the connection stays open."""
        with self._lock:
            count = self._state.seen[request.verb]
            self._state.seen[request.verb] += 1
            reaction = (self._react(request, count) if self._react else None) or Reaction()
            status, fields, body = (0, [], b"") if reaction.ignored else self._step(request)
            if request.unread:
                reaction, status, fields, body = (
                    Reaction(close=True, announced=True),
                    *_refusal(413, "RequestEntityTooLarge"),
                )
            if reaction.status is not None:
                status, fields, body = reaction.status, [("Content-Type", "application/json")], reaction.body
            self._state.requests.append(replace(request, status=status or None))
        if reaction.before is not None:
            reaction.before()
        if status == 0 and reaction.cut is None:
            if not reaction.ignored and request.verb == "next":
                self.finished.set()  # no event is left: hold the poll
            return not reaction.ignored
        if reaction.announced:
            fields = [*fields, ("Connection", "close")]
        data = render(status or 200, fields, body)
        sock.sendall(data if reaction.cut is None else data[: reaction.cut])
        return reaction.cut is None and not reaction.close and not reaction.announced

    def _step(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        """Change the state as the classic service does; status 0 stands for an answer that never comes."""
        state = self._state
        path = request.path[request.path.find(API) + len(API) :] if API in request.path else request.path
        if (request.method, path) == ("GET", "/invocation/next"):
            state.polled = True
            if state.current is None or state.answered:  # else: the same event again
                state.current, state.answered = (state.pending.pop(0) if state.pending else None), False
            event = state.current
            return (0, [], b"") if event is None else (200, event.fields(), event.body)
        if EXTENSION in request.path and self._extensions:
            return self._step_of_extension(request)
        if request.verb == "restore/next":
            return 200, [], b""
        if request.verb == "restore/error":
            return _ACCEPTED
        if (request.method, path) == ("POST", "/init/error"):
            return _refusal(403, "InvalidStateTransition") if state.polled else _ACCEPTED
        if request.method == "POST" and request.verb in ("response", "error"):
            if state.current is None or unquote(request.request_id) != state.current.request_id:
                return _refusal(400, "InvalidRequestID")
            if state.answered:
                return _refusal(403, "InvalidStateTransition")
            state.answered = True
            return _ACCEPTED
        return _refusal(404, "NotFound")

    def _step_of_extension(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        if request.verb == "extension/register":
            return 200, [*_JSON, ("Lambda-Extension-Identifier", "extension-1")], b"{}"
        self.registered.set()
        return 0, [], b""  # there is no event for it, ever


_JSON = [("Content-Type", "application/json")]
_ACCEPTED = (202, _JSON, b'{"status":"OK"}\n')


def _refusal(status: int, kind: str) -> tuple[int, list[tuple[str, str]], bytes]:
    return status, _JSON, b'{"errorMessage":"refused","errorType":"%b"}' % kind.encode()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
