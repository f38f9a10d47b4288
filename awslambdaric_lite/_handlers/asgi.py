"""ASGI applications: owns the server side of the protocol (specification 3.0: HTTP and lifespan)."""

import asyncio
from contextlib import suppress

from .http_request import HttpRequest, bytes_of, text_of
from .http_response import end_to_end, has_no_content
from .responses import ApplicationResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import Any

    from .event_loop import EventLoop

    Message = dict[str, Any]
    Application = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]

_HEAD_WAITS_S = 0.05  # seconds; a chunk that comes soon leaves in the same write as the head
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
        """`log` receives an error that the invocation does not report, e.g. after the client has disconnected.

        `read` reads events.
        """
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

    def handle(self, event: "Any", context: "Any", *, stream: bool = False) -> ApplicationResponse:
        """Call the application with one event until its response is complete, or has begun if it is streamed.

        The response is streamed if `stream` allows it and the integration supports it.
        """
        request = self._read(event)
        streams = stream and request.accepts_stream
        scope = self._scope(request, context)
        exchange = _AsgiRequest(self._application, scope, request.body, self._log, streams=streams)
        self._loop.run(exchange.begin(self._loop.own_tasks), context)

        def finish() -> None:
            self._loop.run(exchange.finish(), context)

        status, headers = exchange.status, end_to_end(exchange.headers)
        try:
            if streams:
                return ApplicationResponse(
                    finish, body=exchange.body(), status_code=status, headers=headers, head_first=exchange.head_first
                )
            return ApplicationResponse(finish, request.render(status, headers, b"".join(exchange.chunks)))
        except BaseException:
            self._loop.run(exchange.abandon(), context)
            raise

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
    """One request and its response.

    The application runs in a separate task. It stops in the call of `send` that completes the response, until the
    response was posted, because whatever it does then must not delay the response.
    """

    def __init__(
        self,
        application: "Application",
        scope: "Message",
        content: bytes,
        log: "Callable[[BaseException], None]",
        *,
        streams: bool,
    ) -> None:
        self._application = application
        self._scope = scope
        self._log = log
        self._streams = streams
        self._content: bytes | None = content
        self._error: BaseException | None = None  # raised by the application and not reported yet
        self._task: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(1)  # of a stream; an empty chunk is the end
        self._started = asyncio.Event()  # the application has sent status and headers, or has ended
        self._ready = asyncio.Event()  # the first chunk of a stream exists, the response is complete, or neither comes
        self._posted = asyncio.Event()
        self._disconnected = asyncio.Event()
        self._has_chunks = False  # a chunk of the stream exists or has existed
        self._complete = False
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.chunks: list[bytes] = []

    @property
    def head_first(self) -> bool:
        """Whether the head of the stream must leave now, because no chunk exists that it could leave with."""
        return not self._ready.is_set()

    async def begin(self, own_tasks: "set[asyncio.Task[Any]]") -> None:
        """Call the application; return when the response is complete, or can be sent if it is streamed.

        Raises:
            RuntimeError: the application returned without a complete response.
            BaseException: whatever the application raises before that.
        """
        self._task = asyncio.get_running_loop().create_task(self._run())
        own_tasks.add(self._task)
        self._task.add_done_callback(own_tasks.discard)
        try:
            if self._streams:
                await self._started.wait()
                if not self._is_event_stream():
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self._ready.wait(), _HEAD_WAITS_S)
            else:
                await self._ready.wait()
        except asyncio.CancelledError:
            self._posted.set()
            self._task.cancel()
            await self._ready.wait()  # the application may still complete its response
            if not self._complete:
                raise
        if self._error is not None and not self._complete and not self._has_chunks:
            raise self._take_error()

    async def body(self) -> "AsyncIterator[bytes]":
        """Yield the chunks of a stream; if the caller disconnects, let the application clean up in this invocation."""
        whole = False
        try:
            while chunk := await self._queue.get():
                yield chunk
            if self._error is not None and not self._complete:
                raise self._take_error()
            whole = True
        finally:
            if not whole:
                await self.abandon()

    async def abandon(self) -> None:
        """End the application whose response nobody receives: cancel it if the response is not complete."""
        self._disconnected.set()
        self._posted.set()
        assert self._task is not None
        if not self._complete:
            self._task.cancel()
        await asyncio.wait({self._task})
        error, self._error = self._error, None
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._log(error)

    async def finish(self) -> None:
        """Let the application go on after its response, and wait for its end.

        Raises:
            BaseException: whatever the application raises.
        """
        self._disconnected.set()
        self._posted.set()
        assert self._task is not None
        await self._task
        if self._error is not None:
            raise self._take_error()

    def _take_error(self) -> BaseException:
        error, self._error = self._error, None
        assert error is not None
        return error

    def _is_event_stream(self) -> bool:
        kind = "".join(value for name, value in self.headers if name.lower() == "content-type")
        return kind.partition(";")[0].strip().lower() == "text/event-stream"

    async def _run(self) -> None:
        """Call the application; keep what it raises, because SystemExit in a task would stop the loop."""
        try:
            await self._application(self._scope, self._receive, self._send)
            if not self._complete:
                raise RuntimeError("the application returned before its response was complete")
        except BaseException as error:
            self._error = error
        self._started.set()
        if self._streams and not self._complete and not self._disconnected.is_set():
            await self._queue.put(b"")
        self._ready.set()

    async def _receive(self) -> "Message":
        content, self._content = self._content, None
        if content is not None:
            return {"type": "http.request", "body": content, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: "Message") -> None:
        kind = message["type"]
        if kind == "http.response.start" and not self._started.is_set():
            self.status = message["status"]
            self.headers = [(text_of(bytes(name)), text_of(bytes(value))) for name, value in message.get("headers", ())]
            self._started.set()
        elif kind == "http.response.body" and self._started.is_set() and not self._complete:
            if self._disconnected.is_set():
                raise OSError("the client has disconnected")
            body = b"" if has_no_content(self._scope["method"], self.status) else bytes(message.get("body", b""))
            last = not message.get("more_body", False)
            if not self._streams:
                self.chunks.append(body)
            elif body:
                self._has_chunks = True
                self._ready.set()
                await self._queue.put(body)
            if last:
                if self._streams:
                    await self._queue.put(b"")
                self._complete = True
                self._ready.set()
                await self._posted.wait()
        elif not self._disconnected.is_set():
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
