"""A Runtime API without a process behind it, and a client that speaks bytes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, TypeVar

from awslambdaric_lite.emulator.config.function import ApiOptions
from awslambdaric_lite.emulator.http.exchange import Application, RecordedRequest
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.results import Invocation, InvocationOutcome
from awslambdaric_lite.emulator.runtime_api.api import RuntimeApi
from awslambdaric_lite.emulator.runtime_api.managed import ManagedRuntimeApi
from awslambdaric_lite.emulator.streams import ResponseStream

ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"
WAIT = 60.0  # seconds after which a test that waits for something has failed
T = TypeVar("T")


class HttpReply(NamedTuple):
    """A reply as a client sees it."""

    status: int
    headers: dict[str, str]  # by lower-case name
    body: bytes


class Client:
    """One connection to the Runtime API."""

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
        """Send bytes as they are."""
        self.socket.sendall(data)

    def read(self) -> HttpReply:
        """Read one reply."""
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
        """Whether the server has closed the connection; waits for it."""
        return self._replies.read(1) == b""

    def ask(self, data: bytes) -> HttpReply:
        """Send a request and read the reply."""
        self.send(data)
        return self.read()


def get(path: str = "runtime/invocation/next") -> bytes:
    """Render a GET of the Runtime API."""
    return f"GET /2018-06-01/{path} HTTP/1.1\r\nHost: api\r\n\r\n".encode()


def post(path: str, body: bytes = b"{}", *headers: str) -> bytes:
    """Render a POST to the Runtime API, with its length declared."""
    lines = ["POST /2018-06-01/runtime/" + path + " HTTP/1.1", "Host: api", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def reply(invocation: Invocation, body: bytes = b"{}", *headers: str, kind: str = "response") -> bytes:
    """Render the reply to an invocation."""
    return post(f"invocation/{invocation.request_id}/{kind}", body, *headers)


class ObservingServer:
    """Serves an API from a thread and records what it tells its observer."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.answers: list[InvocationOutcome] = []
        self.init_errors: list[InvocationOutcome] = []
        self.server: HttpServer
        self._nexts = threading.Semaphore(0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def serve(self, application: Application, options: ApiOptions) -> None:
        """Open the port."""
        recorded = self.requests if options.record_requests else None
        self.server = self.run(lambda: HttpServer(application, recorded=recorded, serve_half_closed=False))

    def on_next(self) -> None:
        self._nexts.release()

    def on_outcome(self, invocation: Invocation, answer: InvocationOutcome) -> None:
        self.answers.append(answer)
        invocation.answer(answer)

    def on_restore_next(self) -> None:
        self._nexts.release()

    def on_init_error(self, answer: InvocationOutcome) -> None:
        self.init_errors.append(answer)

    def run(self, call: Callable[[], T]) -> T:
        """Call something in the server's loop."""

        async def inside() -> T:
            return call()

        return self.wait(inside())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the server's loop and wait for it."""
        return self.start(asyncio.wait_for(work, WAIT)).result()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def client(self) -> Client:
        """Connect."""
        return Client(self.server.address)

    def await_next(self) -> None:
        """Wait until a runtime has asked for an invocation (each asking counts once)."""
        assert self._nexts.acquire(timeout=WAIT), "nobody called next"

    def close(self) -> None:
        """Cut everything."""

        async def finish() -> None:
            self.server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)  # the transports' own good-byes

        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(WAIT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class ApiServer(ObservingServer):
    """The Runtime API of a runtime that takes one invocation at a time."""

    def __init__(self, options: ApiOptions, *, snap_start: bool = False) -> None:
        super().__init__()
        self.api = self.run(lambda: RuntimeApi(self, options, snap_start=snap_start))
        self.serve(self.api, options)

    def deliver(
        self, event: bytes = b"{}", *, request_id: str = "id-1", trace_id: str = "", streamed: bool = False
    ) -> Invocation:
        """Hand out an invocation, for a caller who reads the response as it comes if `streamed` says so."""

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
        """Let a client ask for an invocation and receive this one."""
        client.send(get())
        self.await_next()
        invocation = self.deliver(event, request_id=request_id, streamed=streamed)
        assert client.read().body == event
        return invocation


class ManagedApiServer(ObservingServer):
    """The Runtime API of Managed Instances."""

    def __init__(self, options: ApiOptions) -> None:
        super().__init__()
        self.api = self.run(lambda: ManagedRuntimeApi(self, options))
        self.serve(self.api, options)

    def deliver(self, event: bytes = b"{}", *, request_id: str = "id-1", streamed: bool = False) -> Invocation:
        """Hand out an invocation."""

        def inside() -> Invocation:
            stream = ResponseStream() if streamed else None
            invocation = Invocation(event, request_id=request_id, deadline_ms=1234, arn=ARN, stream=stream)
            self.api.deliver(invocation)
            return invocation

        return self.run(inside)
