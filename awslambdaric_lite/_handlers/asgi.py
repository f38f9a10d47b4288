"""ASGI applications: owns the server side of the protocol (specification 3.0: HTTP and lifespan)."""

import asyncio

from .http_request import HttpRequest, bytes_of, text_of
from .responses import StreamingResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import Any

    from .event_loop import EventLoop

    Message = dict[str, Any]
    Application = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]

_VERSIONS = {"version": "3.0", "spec_version": "2.4"}


class ApplicationStartupFailed(Exception):
    """An exception for an application that reports a failed startup in its lifespan."""


class AsgiHandler:
    """Calls an application with each event; the application's lifespan is the process's."""

    def __init__(
        self,
        application: "Application",
        loop: "EventLoop",
        log: "Callable[[BaseException], None]",
        read: "Callable[[object], HttpRequest]" = HttpRequest,
    ) -> None:
        """`log` receives an error that the application raises after its response was complete; `read` reads events."""
        self._application = application
        self._loop = loop
        self._log = log
        self._read = read
        self.state: dict[str, Any] = {}

    def start(self) -> "Callable[[], Awaitable[None]] | None":
        """Start the application; return the function that shuts it down, None if it has no lifespan.

        Raises:
            ApplicationStartupFailed: the application failed to start.
        """
        lifespan = _Lifespan(self._application, self.state)
        self._loop.own_tasks.add(lifespan.begin(self._loop.loop))
        self._loop.run(lifespan.started())
        return lifespan.shut_down if lifespan.complete else None

    def handle(self, event: "Any", context: "Any", *, stream: bool = False) -> "object":
        """Answer one event; stream the response if `stream` allows it and the integration supports it."""
        request = self._read(event)
        exchange = _AsgiRequest(self._application, self._scope(request, context), request.body)
        if stream and request.accepts_stream:
            return self._loop.run(self._begin_stream(exchange), context)
        self._loop.run(exchange.run(), context)
        if exchange.error is not None:
            self._log(exchange.error)
        return request.render(exchange.status, exchange.headers, b"".join(exchange.chunks))

    async def _begin_stream(self, exchange: "_AsgiRequest") -> StreamingResponse:
        exchange.streams = True
        task = asyncio.get_running_loop().create_task(exchange.run())
        self._loop.own_tasks.add(task)
        task.add_done_callback(self._loop.own_tasks.discard)
        begun = asyncio.ensure_future(exchange.begun.wait())
        await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if not exchange.begun.is_set():
            await task  # raises
        return StreamingResponse(self._chunks(exchange, task), exchange.status, exchange.headers)

    async def _chunks(self, exchange: "_AsgiRequest", task: "asyncio.Task[None]") -> "AsyncIterator[bytes]":
        try:
            while True:
                getting = asyncio.ensure_future(exchange.queue.get())
                await asyncio.wait({task, getting}, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    yield getting.result()
                    continue
                getting.cancel()
                break
            await task
            if exchange.error is not None:
                self._log(exchange.error)
        finally:
            exchange.disconnected.set()
            if not task.done():  # the caller has disconnected: let the application clean up in this invocation
                task.cancel()
                await asyncio.wait({task})
                error = None if task.cancelled() else task.exception()
                if error is not None:
                    self._log(error)

    def _scope(self, request: HttpRequest, context: "Any") -> "Message":
        return {
            "type": "http",
            "asgi": dict(_VERSIONS),
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": (request.root_path + request.path).decode("utf-8", "replace"),
            "raw_path": request.raw_path.encode(),
            "query_string": request.query.encode(),
            "root_path": request.root_path.decode("utf-8", "replace"),
            "headers": [(name.encode(), bytes_of(value)) for name, value in request.headers],
            "client": None if request.client is None else (request.client, 0),
            "server": (request.host, request.port),
            "state": self.state.copy(),
            "aws.event": request.event,
            "aws.context": context,
        }


class _AsgiRequest:
    """One request and its response."""

    def __init__(self, application: "Application", scope: "Message", body: bytes) -> None:
        self._application = application
        self._scope = scope
        self._body: bytes | None = body
        self._started = False
        self._complete = False
        self.streams = False
        self.status = 200
        self.headers: list[tuple[str, str]] = []
        self.chunks: list[bytes] = []
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(1)
        self.begun = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.error: BaseException | None = None
        """The exception that the application raised after its response was complete."""

    async def run(self) -> None:
        """Call the application.

        Raises:
            RuntimeError: the application returned without a complete response.
            BaseException: whatever the application raises before its response is complete.
        """
        try:
            await self._application(self._scope, self._receive, self._send)
        except Exception as error:  # frameworks respond with 500 and then raise the error again
            if not self._complete:
                raise
            self.error = error
        if not self._complete:
            raise RuntimeError("the application returned before its response was complete")

    async def _receive(self) -> "Message":
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: "Message") -> None:
        kind = message["type"]
        if kind == "http.response.start" and not self._started:
            self._started = True
            self.status = message["status"]
            self.headers = [(text_of(bytes(name)), text_of(bytes(value))) for name, value in message.get("headers", ())]
        elif kind == "http.response.body" and self._started and not self._complete:
            body = b"" if self._scope["method"] == "HEAD" else message.get("body", b"")
            if self.streams:
                self.begun.set()
                if self.disconnected.is_set():
                    raise OSError("the client has disconnected")
                if body:
                    await self.queue.put(bytes(body))
            elif body:
                self.chunks.append(bytes(body))
            if not message.get("more_body", False):
                self._complete = True
                self.disconnected.set()
        elif not self.disconnected.is_set():
            raise RuntimeError(f"the application sent {kind!r} out of order")


class _Lifespan:
    """The lifespan protocol of one application: startup and shutdown."""

    def __init__(self, application: "Application", state: "dict[str, Any]") -> None:
        self._application = application
        self._scope = {"type": "lifespan", "asgi": dict(_VERSIONS), "state": state}
        self._due: asyncio.Queue[Message] = asyncio.Queue()
        self._settled = asyncio.Event()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.complete = False

    def begin(self, loop: "asyncio.AbstractEventLoop") -> "asyncio.Task[None]":
        """Call the application with its lifespan; the call returns after shutdown."""
        self._task = loop.create_task(self._run())
        return self._task

    async def started(self) -> None:
        """Wait until the application has started or has rejected the lifespan protocol."""
        await self._due.put({"type": "lifespan.startup"})
        await self._settled.wait()
        if self._failure is not None:
            raise ApplicationStartupFailed(self._failure or "the application gave no reason")

    async def shut_down(self) -> None:
        """Send the shutdown event and wait until the application has handled it."""
        if self._task is None or self._task.done():
            return
        self._settled.clear()
        await self._due.put({"type": "lifespan.shutdown"})
        await self._settled.wait()
        if self._failure is not None:
            raise RuntimeError(f"the application failed to shut down: {self._failure}")

    async def _run(self) -> None:
        try:
            await self._application(self._scope, self._due.get, self._send)
        except Exception:
            pass  # an application without a lifespan raises here; one that fails sends a message before
        finally:
            self._settled.set()

    async def _send(self, message: "Message") -> None:
        kind = message["type"]
        if kind.endswith(".failed"):
            self._failure = message.get("message", "")
        elif kind == "lifespan.startup.complete":
            self.complete = True
        self._settled.set()
