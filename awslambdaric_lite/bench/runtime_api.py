"""The Runtime API for measuring: one thread, blocking sockets, and a clock that is read at each send and receive.

The heads, framing and replies are those of `protocol`; the sockets and the loop are not shared, because their cost is
part of every figure. The CPU time of this thread is counted in `own_cpu_s`.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from types import TracebackType

from ..protocol.http_messages import CONTINUE, BadRequest, ParsedRequest, RequestReader, render_response
from ..protocol.replies import ACCEPTED, ERROR_TYPE, JSON_TYPE, event_headers
from ..protocol.routes import EXTENSIONS, MatchedRoute, Route, match
from .errors import ClientFailed, InitFailed
from .posted_results import PostedResult, posted_error

_ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"
_TRACE_ID = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"
_RECEIVE = 256 * 1024
_POLL_MS = 50  # how late the exit of the process may be noticed; no figure depends on it
_REGISTERED = b'{"functionName":"function","functionVersion":"$LATEST","handler":""}'
_IDENTIFIER = ("Lambda-Extension-Identifier", "5f2a3f6c-2b1d-4d5b-9f0e-1c2d3e4f5a6b")


@dataclass(frozen=True)
class MeasuredInvocation:
    """One invocation; moments in seconds of `time.perf_counter`.

    Attributes:
        sent_at: before the first byte of the event was sent.
        posted_at: when the last byte of the result had been received.
        polled_at: when the next poll had been received; equal to `posted_at` if both came together.
        result: what the runtime posted.
    """

    sent_at: float
    posted_at: float
    polled_at: float
    result: PostedResult


class _Connection:
    def __init__(self, accepted: socket.socket, limit_s: float) -> None:
        self.socket = accepted
        self.reader = RequestReader()
        self.received_at = 0.0
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that does not read what it requested must not block the program.
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(limit_s) + 1, 0))


class MeasuringApi:
    """Server of one runtime process, on a new port.

    `exited` returns whether that process has exited; it is called while the process sends nothing. Each step of the
    process may take `limit_s` seconds.
    """

    def __init__(self, exited: Callable[[], bool], limit_s: float) -> None:
        self.own_cpu_s = 0.0
        """CPU time of this thread in all calls of `invoke`."""
        self._exited = exited
        self._limit_s = limit_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: dict[int, _Connection] = {}
        self._ready = select.poll()
        self._ready.register(self._listener, select.POLLIN)
        self._date = ("Date", formatdate(usegmt=True))
        self._accepted = render_response(ACCEPTED.status, [*ACCEPTED.headers, self._date], ACCEPTED.body)
        self._poller: _Connection | None = None
        self._polled_at = 0.0
        self._request_id = ""
        self._result: PostedResult | None = None
        self._posted_at = 0.0

    @property
    def address(self) -> str:
        """The value of `AWS_LAMBDA_RUNTIME_API`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> MeasuringApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for connection in self._connections.values():
            connection.socket.close()
        self._listener.close()

    def await_poll(self) -> float:
        """Wait for the first poll and return its moment.

        Raises:
            InitFailed: the runtime reports an error instead.
            ClientFailed: the process exits, takes too long, or sends something else.
        """
        self._serve_until_poll("before its first poll")
        return self._polled_at

    def invoke(self, request_id: str, event: bytes) -> MeasuredInvocation:
        """Send an event to the poll that waits; wait for the result and the next poll.

        Raises:
            ClientFailed: the process exits, takes too long, or sends something else.
        """
        cpu_before = time.thread_time()
        poller, self._poller = self._poller, None
        assert poller is not None, "the runtime has not polled"
        self._result = None
        self._request_id = request_id
        deadline_ms = int((time.time() + self._limit_s) * 1000)
        message = render_response(
            200, [*event_headers(request_id, deadline_ms, _ARN, trace_id=_TRACE_ID), self._date], event
        )
        sent_at = time.perf_counter()
        self._send(poller, message)
        self._serve_until_poll("in an invocation")
        result: PostedResult | None = self._result  # set while the connections were served
        if result is None:
            raise ClientFailed("polled again without a result for this event")
        self.own_cpu_s += time.thread_time() - cpu_before
        return MeasuredInvocation(sent_at, self._posted_at, self._polled_at, result)

    def _serve_until_poll(self, when: str) -> None:
        limit = time.perf_counter() + self._limit_s
        while self._poller is None:
            found = self._ready.poll(_POLL_MS)
            for descriptor, _ in found:
                if descriptor == self._listener.fileno():
                    self._accept()
                else:
                    self._receive(self._connections[descriptor])
            if not found and self._exited():
                raise ClientFailed(f"exited {when}")
            if time.perf_counter() > limit and self._poller is None:
                raise ClientFailed(f"took longer than {self._limit_s:g} s {when}")

    def _accept(self) -> None:
        accepted, _ = self._listener.accept()
        self._connections[accepted.fileno()] = _Connection(accepted, self._limit_s)
        self._ready.register(accepted, select.POLLIN)

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_RECEIVE)
        except ConnectionError:
            data = b""
        connection.received_at = time.perf_counter()
        if not data:
            self._ready.unregister(connection.socket)
            del self._connections[connection.socket.fileno()]
            connection.socket.close()
            if self._poller is connection:
                self._poller = None
            return
        connection.reader.feed(data)
        try:
            while (request := connection.reader.take()) is not None:
                self._handle(connection, request)
            if connection.reader.awaits_continue():
                self._send(connection, CONTINUE)
        except BadRequest as error:
            raise ClientFailed(f"sent something that is not HTTP: {error}") from None

    def _handle(self, connection: _Connection, request: ParsedRequest) -> None:
        if request.target.startswith(EXTENSIONS):
            # A runtime with shutdown hooks is an extension, too; its poll gets no event, because nothing shuts it down.
            if request.target.endswith("/register"):
                headers = [("Content-Type", JSON_TYPE), _IDENTIFIER, self._date]
                self._send(connection, render_response(200, headers, _REGISTERED))
            return
        matched = match(request.method, request.target)
        route = matched.route if isinstance(matched, MatchedRoute) else None
        if route is Route.NEXT:
            self._poller, self._polled_at = connection, connection.received_at
        elif route is Route.INIT_ERROR:
            self._send(connection, self._accepted)
            raise InitFailed(str(posted_error(request.body, request.header(ERROR_TYPE))).removeprefix("the error "))
        elif (
            route not in (Route.RESPONSE, Route.ERROR)
            or matched != (route, self._request_id)
            or self._result is not None
        ):
            raise ClientFailed(f"sent an unexpected request: {f'{request.method} {request.target}'[:200]}")
        else:
            self._posted_at = connection.received_at
            error_type = request.header(ERROR_TYPE)  # of a streamed response that fails half-way: in a trailer
            failed = route is Route.ERROR or error_type is not None
            self._result = posted_error(request.body, error_type) if failed else PostedResult(request.body)
            self._send(connection, self._accepted)

    def _send(self, connection: _Connection, data: bytes) -> None:
        try:
            connection.socket.sendall(data)
        except BlockingIOError:
            raise ClientFailed(f"did not read from its connection for {self._limit_s:g} s") from None
        except ConnectionError:
            pass  # the process has exited, which the wait for its next request notices
