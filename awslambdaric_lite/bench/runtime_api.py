"""The Runtime API for measuring: one thread, blocking sockets, and the clock read where bytes come and go.

Heads and framing are those of the real server, which is written in Go: a length up to 2048 bytes, one chunk above.
What it costs itself is counted (`own_cpu_s`), because it is a part of every figure.
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

from .answers import Answer, error_of
from .errors import ClientFailed, InitFailed
from .http_requests import BadRequest, Request, RequestReader

_RUNTIME = b"/2018-06-01/runtime/"
_EXTENSION = b"/2020-01-01/extension/"
_ERROR_TYPE = b"lambda-runtime-function-error-type"
_GO_BUFFER = 2048  # bytes; net/http writes a longer body in chunks
_RECEIVE = 256 * 1024
_LOOK_MS = 50  # how late the end of the process may be noticed; no figure depends on it
_ACCEPTED = b'{"status":"OK"}\n'
_REGISTERED = b'{"functionName":"function","functionVersion":"$LATEST","handler":""}'
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class Exchanged:
    """One invocation; moments in seconds of `time.perf_counter`.

    Attributes:
        sent_at: before the first byte of the event was sent.
        answered_at: when the last byte of the answer had been received.
        polled_at: when the next poll had been received; that of the answer if both came together.
        answer: what the runtime posted.
    """

    sent_at: float
    answered_at: float
    polled_at: float
    answer: Answer


class _Connection:
    def __init__(self, accepted: socket.socket, limit_s: float) -> None:
        self.socket = accepted
        self.reader = RequestReader()
        self.received_at = 0.0
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that does not read what it asked for must not stop the program.
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(limit_s) + 1, 0))


class RuntimeApi:
    """Serves one runtime process on a port of its own.

    `ended` tells whether that process has ended, and is asked while nothing comes from it. Each step of the process may
    take `limit_s` seconds.
    """

    def __init__(self, ended: Callable[[], bool], limit_s: float) -> None:
        self.own_cpu_s = 0.0
        """CPU time of this thread in all of `invoke`."""
        self._ended = ended
        self._limit_s = limit_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: dict[int, _Connection] = {}
        self._ready = select.poll()
        self._ready.register(self._listener, select.POLLIN)
        self._date = formatdate(usegmt=True).encode()
        self._accepted = _head(202, self._date, len(_ACCEPTED)) + _ACCEPTED
        self._poller: _Connection | None = None
        self._polled_at = 0.0
        self._request_id = b""
        self._answer: Answer | None = None
        self._answered_at = 0.0

    @property
    def address(self) -> str:
        """The value of `AWS_LAMBDA_RUNTIME_API`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> RuntimeApi:
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
            ClientFailed: it ends, takes too long, or sends something else.
        """
        self._serve_until_poll("before its first poll")
        return self._polled_at

    def invoke(self, request_id: str, event: bytes) -> Exchanged:
        """Answer the poll with an event, and wait for the answer and the next poll.

        Raises:
            ClientFailed: the process ends, takes too long, or sends something else.
        """
        cpu_before = time.thread_time()
        poller, self._poller = self._poller, None
        assert poller is not None, "the runtime has not asked for an event"
        self._answer = None
        self._request_id = request_id.encode()
        message = self._event(event)
        sent_at = time.perf_counter()
        self._send(poller, message)
        self._serve_until_poll("in an invocation")
        answer: Answer | None = self._answer  # set while it was served
        if answer is None:
            raise ClientFailed("asked for the next event and gave no answer to this one")
        self.own_cpu_s += time.thread_time() - cpu_before
        return Exchanged(sent_at, self._answered_at, self._polled_at, answer)

    def _event(self, event: bytes) -> bytes:
        head = b"\r\n".join(
            (
                b"HTTP/1.1 200 OK",
                b"Content-Type: application/json",
                b"Lambda-Runtime-Aws-Request-Id: " + self._request_id,
                b"Lambda-Runtime-Deadline-Ms: %d" % ((time.time() + self._limit_s) * 1000),
                b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:012345678912:function:function",
                b"Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
                b"Date: " + self._date,
            )
        )
        if len(event) <= _GO_BUFFER:
            return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(event), event)
        return b"%b\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (head, len(event), event)

    def _serve_until_poll(self, when: str) -> None:
        limit = time.perf_counter() + self._limit_s
        while self._poller is None:
            found = self._ready.poll(_LOOK_MS)
            for descriptor, _ in found:
                if descriptor == self._listener.fileno():
                    self._accept()
                else:
                    self._receive(self._connections[descriptor])
            if not found and self._ended():
                raise ClientFailed(f"ended {when}")
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
                self._send(connection, _CONTINUE)
        except BadRequest as error:
            raise ClientFailed(f"sent something that is not HTTP: {error}") from None

    def _handle(self, connection: _Connection, request: Request) -> None:
        target = request.target
        if target == _RUNTIME + b"invocation/next":
            self._poller, self._polled_at = connection, connection.received_at
        elif target.startswith(_EXTENSION):
            # Whoever has shutdown hooks is an extension, too; its poll is never answered, for nothing ends it.
            if target.endswith(b"/register"):
                identifier = b"Lambda-Extension-Identifier: 5f2a3f6c-2b1d-4d5b-9f0e-1c2d3e4f5a6b\r\n"
                self._send(connection, _head(200, self._date, len(_REGISTERED), identifier) + _REGISTERED)
        elif target == _RUNTIME + b"init/error":
            self._send(connection, self._accepted)
            raise InitFailed(str(error_of(request.body, request.header(_ERROR_TYPE))).removeprefix("the error "))
        else:
            self._take_answer(connection, request)

    def _take_answer(self, connection: _Connection, request: Request) -> None:
        begin = _RUNTIME + b"invocation/" + self._request_id + b"/"
        kind = request.target.removeprefix(begin)
        if not self._request_id or kind not in (b"response", b"error") or self._answer is not None:
            shown = (request.method + b" " + request.target).decode("latin-1")
            raise ClientFailed(f"sent an unexpected request: {shown[:200]}")
        self._answered_at = connection.received_at
        # A streamed response that fails half-way says so in a trailer.
        error_type = request.header(_ERROR_TYPE)
        failed = kind == b"error" or error_type is not None
        self._answer = error_of(request.body, error_type) if failed else Answer(request.body)
        self._send(connection, self._accepted)

    def _send(self, connection: _Connection, data: bytes) -> None:
        try:
            connection.socket.sendall(data)
        except BlockingIOError:
            raise ClientFailed(f"did not read what it was sent for {self._limit_s:g} s") from None
        except ConnectionError:
            pass  # it has ended, which is noticed where its next request is waited for


def _head(status: int, date: bytes, length: int, more: bytes = b"") -> bytes:
    reason = {200: b"OK", 202: b"Accepted"}[status]
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n%bDate: %b\r\nContent-Length: %d\r\n\r\n" % (
        status,
        reason,
        more,
        date,
        length,
    )
