"""The Runtime API of Managed Instances over real sockets: concurrent polls, replies in any order, a log collector.

Its rules are those of AWS's open emulator in that mode. One differs, so that tests are deterministic: a poll whose
connection has ended receives no event.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from tests.support.recorder import Reaction
from tests.support.runtime_messages import Event, Request, read_request, render

GUARD = 110.0  # seconds until a wait fails

React = Callable[[Request, int], "Reaction | None"]
Answer = tuple[int, list[tuple[str, str]], bytes]

_JSON = [("Content-Type", "application/json")]
_ACCEPTED: Answer = (202, _JSON, b'{"status":"OK"}\n')


@dataclass(eq=False)
class Call:
    """One invocation.

    Attributes:
        reply: the result or error; of a stream, without trailers.
        expired: the invocation has timed out; its next reply gets 410, further ones 400.
    """

    event: Event
    connection: int
    replied: threading.Event = field(default_factory=threading.Event)
    reply: Request | None = None
    expired: bool = False

    def result(self) -> Request:
        """Wait for the reply."""
        assert self.replied.wait(GUARD), f"no reply to {self.event.request_id}"
        assert self.reply is not None
        return self.reply


@dataclass(eq=False)
class _Poll:
    sock: socket.socket
    connection: int


class ManagedApi:
    """A server of one execution environment; a context manager.

    Attributes:
        extensions: registrations.
        init_errors: accepted posts to init/error.
    """

    def __init__(self, react: React | None = None) -> None:
        """`react(request, n)` may change the response to the n-th request (from 0) of that verb."""
        self._react = react
        self._changed = threading.Condition()
        self._idle: list[_Poll] = []
        self._calls: dict[str, Call] = {}
        self._requests: list[Request] = []
        self._seen: Counter[str] = Counter()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._numbers = 0
        self.extensions: list[Request] = []
        self.init_errors: list[Request] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> ManagedApi:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(GUARD)

    def stop(self) -> None:
        """Stop listening and close every connection."""
        with self._changed:
            for sock in (self._listener, *self._sockets):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()

    @property
    def requests(self) -> list[Request]:
        """The requests in order of arrival, each with the status of its response."""
        with self._changed:
            return list(self._requests)

    @property
    def idle(self) -> int:
        """The number of waiting polls."""
        with self._changed:
            return len(self._idle)

    def wait_for_polls(self, count: int) -> None:
        """Wait until `count` polls wait for an event."""
        self.wait_until(lambda: len(self._idle) == count, f"{count} polls; {len(self._idle)} wait")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition that requests or connections change."""
        with self._changed:
            assert self._changed.wait_for(condition, GUARD), f"no {what} within {GUARD} s"

    def invoke(self, body: bytes = b"{}", request_id: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Call:
        """Send an event to the poll that waits longest; wait for a poll first."""
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self._idle), GUARD), "no poll"
            poll = self._idle.pop(0)
            self._numbers += 1
            event = Event(body, request_id or f"request-{self._numbers}", headers)
            call = self._calls[event.request_id] = Call(event, poll.connection)
            poll.sock.sendall(render(200, event.fields(), event.body))
        return call

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
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self._sockets.append(sock)
                number = len(self._sockets) - 1
            self._start(self._serve, sock, number)

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            with sock, sock.makefile("rb") as stream:
                while (request := read_request(stream, number)) is not None:
                    if not self._answer(sock, request):
                        return
        except OSError:
            pass  # the client or the test closed the connection
        finally:
            with self._changed:
                self._idle = [poll for poll in self._idle if poll.connection != number]
                self._changed.notify_all()

    def _answer(self, sock: socket.socket, request: Request) -> bool:
        """Answer one request; return whether the connection stays open."""
        with self._changed:
            count = self._seen[request.verb]
            self._seen[request.verb] += 1
            reaction = (self._react(request, count) if self._react else None) or Reaction()
            answer = None if reaction.ignored or reaction.status is not None else self._step(sock, request)
            if reaction.status is not None:
                answer = (reaction.status, _JSON, reaction.body)
            self._requests.append(replace(request, status=answer[0] if answer else None))
            if answer is not None and reaction.cut is None:
                sock.sendall(render(*answer))
            self._changed.notify_all()
        return not reaction.ignored and reaction.cut is None and not reaction.close

    def _step(self, sock: socket.socket, request: Request) -> Answer | None:
        """Change the state; return None if the response follows with an event."""
        if request.path == "/2020-01-01/extension/register":
            self.extensions.append(request)
            return 200, [*_JSON, ("Lambda-Extension-Identifier", "the-extension")], b"{}"
        if request.path == "/2020-01-01/extension/event/next":
            return None
        if (request.method, request.verb) == ("GET", "next"):
            self._idle.append(_Poll(sock, request.connection))
            return None
        if request.verb == "init/error":
            if self.init_errors:
                return _refusal(403, "InvalidStateTransition")
            self.init_errors.append(request)
            return _ACCEPTED
        call = self._calls.get(unquote(request.request_id))
        if call is None or call.reply is not None:
            return _refusal(400, "InvalidRequestID")
        answer = _refusal(410, "InvokeTimeout") if call.expired else _ACCEPTED
        call.reply = replace(request, status=answer[0])
        call.replied.set()
        return answer


def _refusal(status: int, kind: str) -> Answer:
    return status, _JSON, b'{"errorMessage":"refused","errorType":"%b"}' % kind.encode()


class LogCollector:
    """The platform's log collector, which keeps the log of each connection; a context manager."""

    def __init__(self, path: Path) -> None:
        self._changed = threading.Condition()
        self._logs: list[bytearray] = []
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(512)

    def __enter__(self) -> LogCollector:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    @property
    def logs(self) -> list[str]:
        """The log of each connection."""
        with self._changed:
            return [log.decode() for log in self._logs]

    def wait_for_connections(self, count: int) -> None:
        """Wait until exactly `count` connections exist."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._logs) == count, GUARD), len(self._logs)

    def wait_for(self, text: str) -> str:
        """Wait until a text has arrived over a connection; return the whole log of that connection."""
        data = text.encode()
        with self._changed:
            found = self._changed.wait_for(lambda: any(data in log for log in self._logs), GUARD)
            assert found, f"no {text!r} in {self._logs}"
            return next(log for log in self._logs if data in log).decode()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self._sockets.append(sock)
                log = bytearray()
                self._logs.append(log)
                self._changed.notify_all()
            threading.Thread(target=self._read, args=(sock, log), daemon=True).start()

    def _read(self, sock: socket.socket, log: bytearray) -> None:
        with contextlib.suppress(OSError):
            while chunk := sock.recv(1 << 16):
                with self._changed:
                    log += chunk
                    self._changed.notify_all()
