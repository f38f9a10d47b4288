"""Doubles of the Runtime API, the socket module and the clock."""

from __future__ import annotations

import _socket
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from awslambdaric_lite._client import LambdaRuntimeClient
from awslambdaric_lite._codec import Marshaller
from awslambdaric_lite._settings import read_address

GUARD = 110.0  # seconds after which a waiting test fails


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    connection: int
    raw: bytes

    @property
    def line(self) -> str:
        """The method and the path without the prefix that all paths share."""
        method, path, _ = self.raw.partition(b"\r\n")[0].decode().split(" ")
        return f"{method} {path.removeprefix('/2018-06-01/runtime/')}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields in order."""
        lines = self.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    @property
    def body(self) -> bytes:
        """The bytes after the head."""
        return self.raw.partition(b"\r\n\r\n")[2]


@dataclass(frozen=True)
class Step:
    """The scripted API's reaction to one request.

    Attributes:
        answer: the bytes to send.
        then: the fate of the connection afterwards: `keep`, `close` or `reset`.
        early: answer after the head without reading the body, as servers do that refuse a body.
    """

    answer: bytes = b""
    then: str = "keep"
    early: bool = False


def _read_request(connection: socket.socket, buffer: bytearray, *, head_only: bool) -> bytes | None:
    """Read one request; return None if the client closed the connection."""
    while b"\r\n\r\n" not in buffer:
        data = connection.recv(65536)
        if not data:
            return None
        buffer += data
    end = buffer.index(b"\r\n\r\n") + 4
    if not head_only:
        for line in bytes(buffer[:end]).lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                end += int(line.partition(b":")[2])
    while len(buffer) < end:
        data = connection.recv(1 << 20)
        if not data:
            return None
        buffer += data
    request = bytes(buffer[:end])
    del buffer[:end]
    return request


class _Listening:
    """A server thread on a free port, which serves one connection after the other."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.requests: list[Request] = []
        self.connections = 0
        self._current: socket.socket | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="api")

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, self._current):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._thread.join(GUARD)
        self._listener.close()
        assert not self._thread.is_alive(), "the API double hangs"
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                with connection:
                    self._current = connection
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # like Go's server
                    self.connections += 1
                    with suppress(ConnectionError):
                        self._serve(connection)
        except BaseException as error:
            self._failure = error

    def _serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    @property
    def lines(self) -> list[str]:
        """The request lines that arrived, see `Request.line`."""
        return [request.line for request in self.requests]


def _hang_up(connection: socket.socket, how: str) -> None:
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ScriptedApi(_Listening):
    """A server that answers and records requests in the order of its script."""

    def __init__(self, *steps: Step | bytes) -> None:
        super().__init__()
        self.steps = [step if isinstance(step, Step) else Step(step) for step in steps]

    def _serve(self, connection: socket.socket) -> None:
        number, buffer = self.connections, bytearray()
        while True:
            early = bool(self.steps) and self.steps[0].early
            raw = _read_request(connection, buffer, head_only=early)
            if raw is None:
                return
            self.requests.append(Request(number, raw))
            if not self.steps:
                return  # the script has ended: close the connection
            step = self.steps.pop(0)
            connection.sendall(step.answer)
            if step.then != "keep":
                _hang_up(connection, step.then)
                return


class ClassicApi(_Listening):
    """The state machine of the Runtime API for one invocation at a time, whose connection breaks once.

    Attributes:
        accepted: request id and body of each accepted reply.
    """

    def __init__(
        self,
        events: list[tuple[str, bytes]],
        *,
        cut_after: int | None = None,
        lose: int | None = None,
        how: str = "close",
    ) -> None:
        """Deliver `events` (request id and body).

        The connection ends after `cut_after` bytes of responses, or when request number `lose` arrives, which is
        then ignored.
        """
        super().__init__()
        self._events = list(events)
        self._running: tuple[str, bytes] | None = None
        self._cut_after = cut_after
        self._lose = lose
        self._how = how
        self._sent = 0
        self.accepted: list[tuple[str, bytes]] = []
        self.broke_down = False

    def _serve(self, connection: socket.socket) -> None:
        number, buffer = self.connections, bytearray()
        while True:
            raw = _read_request(connection, buffer, head_only=False)
            if raw is None:
                return
            request = Request(number, raw)
            self.requests.append(request)
            if self._lose is not None and len(self.requests) == self._lose + 1 and not self.broke_down:
                self.broke_down = True
                _hang_up(connection, self._how)
                return
            answer = self._answer(request)
            if self._cut_after is not None and not self.broke_down and self._sent + len(answer) > self._cut_after:
                self.broke_down = True
                connection.sendall(answer[: self._cut_after - self._sent])
                _hang_up(connection, self._how)
                return
            self._sent += len(answer)
            connection.sendall(answer)

    def _answer(self, request: Request) -> bytes:
        if request.line == "GET invocation/next":
            if self._running is None:
                if not self._events:
                    return status(500, b'{"errorType":"TheEnd"}')
                self._running = self._events.pop(0)
            return event(*self._running)
        _, _, request_id, _ = request.line.replace(" ", "/").split("/")
        if self._running is None:
            return status(403, b'{"errorMessage":"State transition","errorType":"InvalidStateTransition"}\n')
        if request_id != self._running[0]:
            return status(400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n')
        self.accepted.append((request_id, request.body))
        self._running = None
        return ACCEPTED


def event(request_id: str, body: bytes = b"{}", *fields: str, chunked: bool = False) -> bytes:
    """Return a response to `next`."""
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        f"Lambda-Runtime-Aws-Request-Id: {request_id}",
        "Lambda-Runtime-Deadline-Ms: 1542409706888",
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f",
        *fields,
        "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}",
        "",
        "",
    ]
    head = "\r\n".join(lines).encode()
    if not chunked:
        return head + body
    pieces = [body[start : start + 2048] for start in range(0, len(body), 2048)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def status(code: int, body: bytes = b'{"status":"OK"}\n', *fields: str) -> bytes:
    """Return a response to a posted result or error."""
    lines = [
        f"HTTP/1.1 {code} Reason",
        "Content-Type: application/json",
        *fields,
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


ACCEPTED = status(202)


class RecordingSocket:
    """A real socket that records each call that moves bytes or sets a timeout."""

    def __init__(self, module: RecordingSocketModule, family: int, kind: int) -> None:
        self._socket = _socket.socket(family, kind)
        self._module = module

    def sendall(self, data: bytes) -> None:
        """Send, and record the same object."""
        self._module.writes.append(data)
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        """Receive, and record the requested and the received size."""
        data = self._socket.recv(size)
        self._module.reads.append((size, len(data)))
        return data

    def recv_into(self, buffer: memoryview) -> int:
        """Receive in place, and record the received size."""
        count = self._socket.recv_into(buffer)
        self._module.reads_in_place.append(count)
        return count

    def settimeout(self, timeout: float | None) -> None:
        """Set the timeout, and record it."""
        self._module.timeouts.append(timeout)
        self._socket.settimeout(timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


@dataclass
class RecordingSocketModule:
    """A replacement for `_socket` in the client, whose real sockets record their use."""

    sockets: list[RecordingSocket] = field(default_factory=list)
    writes: list[bytes] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)
    reads_in_place: list[int] = field(default_factory=list)
    timeouts: list[float | None] = field(default_factory=list)
    resolved: list[tuple[str | bytes, int]] = field(default_factory=list)
    addresses: list[tuple[str, int]] | None = None

    def socket(self, family: int, kind: int) -> RecordingSocket:
        """Make a socket."""
        self.sockets.append(RecordingSocket(self, family, kind))
        return self.sockets[-1]

    def getaddrinfo(self, host: str | bytes, port: int, *rest: int) -> list[tuple[Any, ...]]:
        """Resolve a name, to `addresses` if a test sets them."""
        self.resolved.append((host, port))
        if self.addresses is None:
            return list(_socket.getaddrinfo(host, port, *rest))
        return [(_socket.AF_INET, _socket.SOCK_STREAM, 0, "", address) for address in self.addresses]

    def __getattr__(self, name: str) -> Any:
        return getattr(_socket, name)


@dataclass
class RecordingClock:
    """A replacement for `time` in the client, which records pauses instead of waiting."""

    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Record the pause."""
        self.sleeps.append(seconds)


class Notices:
    """A recorder of the client's notices about refused replies."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def __call__(self, request_id: str, text: str) -> None:
        self.texts.append((request_id, text))


MakeClient = Callable[..., LambdaRuntimeClient]


def make_client(address: str, notices: Notices, *, pipeline: bool = True) -> LambdaRuntimeClient:
    """Create a client of the API at an address."""
    return LambdaRuntimeClient(read_address(address), Marshaller(), notices, pipeline=pipeline)
