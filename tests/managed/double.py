"""Double of the Runtime API of Managed Instances: concurrent polls, replies in any order, a log collector.

Its rules are those of AWS's open emulator in that mode, except one, so that tests do not depend on timing: a poll whose
connection has ended gets no event.
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import CHUNK_SIZE, GUARD, ApiDouble, React, Response, SocketServer
from awslambdaric_lite.protocol.http_messages import render_response
from awslambdaric_lite.protocol.replies import (
    ACCEPTED,
    INVALID_REQUEST_ID,
    JSON_TYPE,
    STALE_INVOCATION,
    Reply,
    refused_transition,
)
from awslambdaric_lite.protocol.routes import EXTENSIONS, Route, match


@dataclass(eq=False)
class Call:
    """One running invocation.

    Attributes:
        reply: the runtime's reply.
        expired: it has timed out; a reply gets 410 once, then 400.
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


class ManagedApi(ApiDouble):
    """Server of one execution environment.

    Attributes:
        extensions: registrations.
        init_errors: accepted posts to init/error.
    """

    steps_when_scripted = False

    def __init__(self, react: React | None = None) -> None:
        """`react(request, n)` can change the response to the n-th request (from 0) of that verb."""
        super().__init__(react)
        self._idle: list[_Poll] = []
        self._calls: dict[str, Call] = {}
        self._numbers = 0
        self.extensions: list[Request] = []
        self.init_errors: list[Request] = []

    @property
    def idle(self) -> int:
        """The number of polls that wait."""
        with self.changed:
            return len(self._idle)

    def wait_for_polls(self, count: int) -> None:
        """Wait until `count` polls wait for an event."""
        self.wait_until(lambda: len(self._idle) == count, f"{count} polls; there are {len(self._idle)}")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until requests or connections have led to a state."""
        with self.changed:
            assert self.changed.wait_for(condition, GUARD), f"this did not happen: {what}"

    def invoke(self, body: bytes = b"{}", request_id: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Call:
        """Send an event to the poll that waits longest, as soon as one waits."""
        with self.changed:
            assert self.changed.wait_for(lambda: bool(self._idle), GUARD), "no worker polls"
            poll = self._idle.pop(0)
            self._numbers += 1
            event = Event(body, request_id or f"request-{self._numbers}", headers)
            call = self._calls[event.request_id] = Call(event, poll.connection)
            poll.sock.sendall(render_response(200, event.fields(), event.body, CHUNK_SIZE))
        return call

    def _on_closed(self, number: int) -> None:
        self._idle = [poll for poll in self._idle if poll.connection != number]

    def _respond(self, sock: socket.socket, request: Request) -> bool:
        with self.changed:  # until the response is sent: a test that sees the reply may stop the server
            return super()._respond(sock, request)

    def _step(self, sock: socket.socket, request: Request) -> Response | None:
        if request.path.startswith(EXTENSIONS):
            if request.verb != "extension/register":
                return None
            self.extensions.append(request)
            return Response(200, [("Content-Type", JSON_TYPE), ("Lambda-Extension-Identifier", "the-extension")], b"{}")
        matched = match(request.method, request.path)
        if isinstance(matched, Reply):
            return Response.of(matched)
        if matched.route is Route.NEXT:
            self._idle.append(_Poll(sock, request.connection))
            return None
        if matched.route is Route.INIT_ERROR:
            if self.init_errors:
                return Response.of(refused_transition("a second init error"))
            self.init_errors.append(request)
            return Response.of(ACCEPTED)
        call = self._calls.get(matched.request_id)
        if call is None or call.reply is not None:
            return Response.of(INVALID_REQUEST_ID)
        reply = STALE_INVOCATION if call.expired else ACCEPTED
        call.reply = replace(request, status=reply.status)
        call.replied.set()
        return Response.of(reply)


class LogCollector(SocketServer):
    """The platform's end of log sockets, which keeps the bytes of each connection."""

    def __init__(self, path: Path) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(512)
        super().__init__(listener)
        self._logs: defaultdict[int, bytearray] = defaultdict(bytearray)

    @property
    def logs(self) -> list[str]:
        """The received text of each connection."""
        with self.changed:
            return [self._logs[number].decode() for number in range(len(self._sockets))]

    def wait_for_connections(self, count: int) -> None:
        """Wait until exactly `count` connections were made."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self._sockets) == count, GUARD), len(self._sockets)

    def wait_for(self, text: str) -> str:
        """Wait until a text has arrived over one of the connections; return everything of that connection."""
        data = text.encode()
        with self.changed:
            found = self.changed.wait_for(lambda: any(data in log for log in self._logs.values()), GUARD)
            assert found, f"{text!r} was not written; this was: {self._logs}"
            return next(log for log in self._logs.values() if data in log).decode()

    def _serve(self, sock: socket.socket, number: int) -> None:
        while chunk := sock.recv(1 << 16):
            with self.changed:
                self._logs[number] += chunk
                self.changed.notify_all()
