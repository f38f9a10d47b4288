"""A Runtime API without a runtime process, and a client that sends bytes."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import BinaryIO, NamedTuple

from awslambdaric_lite.emulator.config.function import ApiOptions
from awslambdaric_lite.emulator.http.exchange import Application, RecordedRequest
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.results import FunctionOutcome, Invocation
from awslambdaric_lite.emulator.runtime_api.api import RuntimeApi
from awslambdaric_lite.emulator.runtime_api.managed import ManagedRuntimeApi
from awslambdaric_lite.emulator.streams import ResponseStream

from .loop_thread import LoopThread
from .waiting import WAIT as WAIT

ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"


class HttpReply(NamedTuple):
    """Response as a client reads it."""

    status: int
    headers: dict[str, str]  # by lower-case name
    body: bytes


class Client:
    """Connection to the Runtime API."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=WAIT)
        self._replies: BinaryIO = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._replies.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes unchanged."""
        self.socket.sendall(data)

    def read(self) -> HttpReply:
        """Read one response."""
        status = int(self._replies.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._replies.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if status == 100:
            return HttpReply(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self._replies.readline(), 16):
                body += self._replies.read(size)
                self._replies.readline()
            self._replies.readline()
            return HttpReply(status, headers, body)
        if "content-length" in headers:
            return HttpReply(status, headers, self._replies.read(int(headers["content-length"])))
        return HttpReply(status, headers, self._replies.read())

    def at_end(self) -> bool:
        """Wait for the next byte; return whether the server has closed the connection instead."""
        return self._replies.read(1) == b""

    def ask(self, data: bytes) -> HttpReply:
        """Send a request and read the response."""
        self.send(data)
        return self.read()


def get(path: str = "runtime/invocation/next") -> bytes:
    """Encode a GET request of the Runtime API."""
    return f"GET /2018-06-01/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes = b"{}", *headers: str) -> bytes:
    """Encode a POST request of the Runtime API with a declared length."""
    lines = [
        "POST /2018-06-01/runtime/" + path + " HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def reply(invocation: Invocation, body: bytes = b"{}", *headers: str, kind: str = "response") -> bytes:
    """Encode the reply to an invocation."""
    return post(f"invocation/{invocation.request_id}/{kind}", body, *headers)


class ObservingServer(LoopThread):
    """Server of an API that records the calls of its observer."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[RecordedRequest] = []
        self.answers: list[FunctionOutcome] = []
        self.init_errors: list[FunctionOutcome] = []
        self.server: HttpServer
        self._nexts = threading.Semaphore(0)

    def serve(self, application: Application, options: ApiOptions) -> None:
        """Open the port."""
        recorded = self.requests if options.record_requests else None
        self.server = self.run(lambda: HttpServer(application, recorded=recorded, serve_half_closed=False))

    def on_next(self) -> None:
        self._nexts.release()

    def on_outcome(self, invocation: Invocation, answer: FunctionOutcome) -> None:
        self.answers.append(answer)
        invocation.answer(answer)

    def on_restore_next(self) -> None:
        self._nexts.release()

    def on_init_error(self, answer: FunctionOutcome) -> None:
        self.init_errors.append(answer)

    def client(self) -> Client:
        """Connect to the server."""
        return Client(self.server.address)

    def await_next(self) -> None:
        """Wait until a runtime has polled (each poll counts once)."""
        assert self._nexts.acquire(timeout=WAIT), "no runtime has polled"

    def close(self) -> None:
        """Close the server and stop its thread."""
        self.run(self.server.close)
        self.stop()


class ApiServer(ObservingServer):
    """Runtime API of a runtime that runs one invocation at a time."""

    def __init__(self, options: ApiOptions, *, snap_start: bool = False) -> None:
        super().__init__()
        self.api = self.run(lambda: RuntimeApi(self, options, snap_start=snap_start))
        self.serve(self.api, options)

    def deliver(
        self, event: bytes = b"{}", *, request_id: str = "id-1", trace_id: str = "", streamed: bool = False
    ) -> Invocation:
        """Deliver an invocation, with a streaming caller if `streamed` is true."""

        def inside() -> Invocation:
            stream = ResponseStream() if streamed else None
            invocation = Invocation(
                event, request_id=request_id, trace_id=trace_id, deadline_ms=1234, arn=ARN, stream=stream
            )
            self.api.deliver(invocation)
            return invocation

        return self.run(inside)

    def begin(
        self, client: Client, event: bytes = b"{}", request_id: str = "id-1", *, streamed: bool = False
    ) -> Invocation:
        """Poll with a client and deliver this invocation to it."""
        client.send(get())
        self.await_next()
        invocation = self.deliver(event, request_id=request_id, streamed=streamed)
        assert client.read().body == event
        return invocation


class ManagedApiServer(ObservingServer):
    """Runtime API of Managed Instances."""

    def __init__(self, options: ApiOptions) -> None:
        super().__init__()
        self.api = self.run(lambda: ManagedRuntimeApi(self, options))
        self.serve(self.api, options)

    def deliver(self, event: bytes = b"{}", *, request_id: str = "id-1", streamed: bool = False) -> Invocation:
        """Deliver an invocation."""

        def inside() -> Invocation:
            stream = ResponseStream() if streamed else None
            invocation = Invocation(event, request_id=request_id, deadline_ms=1234, arn=ARN, stream=stream)
            self.api.deliver(invocation)
            return invocation

        return self.run(inside)
