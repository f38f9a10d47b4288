"""ASGI applications: owns the server side of the protocol (specification 3.0: HTTP and lifespan)."""

import asyncio
from contextlib import suppress

from .event_loop import raise_from_deadline, restore_running_loop, run_due_callbacks
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
        exchange = _AsgiRequest(self._application, scope, request.body, self._loop, self._log, streams=streams)
        late = self._loop.run_until(exchange.begin, exchange.cancel, context)
        exchange.raise_if_unanswered(late=late)

        def finish() -> None:
            late = self._loop.run_until(exchange.finish, exchange.cancel, context)
            exchange.raise_error(late=late)

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
        loop: "EventLoop",
        log: "Callable[[BaseException], None]",
        *,
        streams: bool,
    ) -> None:
        self._application = application
        self._scope = scope
        self._content: bytes | None = content
        self._loop = loop.loop
        self._own_tasks = loop.own_tasks
        self._log = log
        self._streams = streams
        self._error: BaseException | None = None  # raised by the application and not reported yet
        self._task: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(1)  # of a stream; an empty chunk is the end
        self._begun: asyncio.Future[None] = self._loop.create_future()  # the response can be sent, or fails
        self._posted: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._disconnected = asyncio.Event()
        self._started = False
        self._has_chunks = False  # a chunk of the stream exists or has existed
        self._complete = False
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.chunks: list[bytes] = []

    @property
    def head_first(self) -> bool:
        """Whether the head of the stream must leave now, because no chunk exists that it could leave with."""
        return not (self._has_chunks or self._complete)

    def begin(self) -> "asyncio.Future[None]":
        """Call the application; the future is done when the response is complete, or can be sent if it is streamed."""
        self._task = self._loop.create_task(self._run())
        self._own_tasks.add(self._task)
        self._task.add_done_callback(self._own_tasks.discard)
        return self._begun

    def finish(self) -> "asyncio.Task[None]":
        """Let the application go on after its response; the task is done when the application has ended."""
        assert self._task is not None
        self._disconnected.set()
        _resolve(self._posted)
        return self._task

    def cancel(self) -> None:
        """Cancel the application, which may still complete its response."""
        assert self._task is not None
        _resolve(self._posted)
        self._task.cancel()

    def raise_if_unanswered(self, *, late: bool) -> None:
        """Raise what the application raised before its response could be sent."""
        if not self._complete and not self._has_chunks:
            self.raise_error(late=late)

    def raise_error(self, *, late: bool = False) -> None:
        """Raise what the application raised, once; `late` tells that the deadline cancelled it."""
        error, self._error = self._error, None
        if error is not None:
            raise_from_deadline(error, late=late)

    async def body(self) -> "AsyncIterator[bytes]":
        """Yield the chunks of a stream; if the caller disconnects, let the application clean up in this invocation."""
        whole = False
        try:
            while chunk := await self._queue.get():
                yield chunk
            if not self._complete:
                self.raise_error()
            whole = True
        finally:
            if not whole:
                await self.abandon()

    async def abandon(self) -> None:
        """End the application whose response nobody receives: cancel it if the response is not complete."""
        assert self._task is not None
        self._disconnected.set()
        _resolve(self._posted)
        if not self._complete:
            self._task.cancel()
        await asyncio.wait({self._task})
        error, self._error = self._error, None
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._log(error)

    async def _run(self) -> None:
        """Call the application; keep what it raises, because SystemExit in a task would stop the loop."""
        try:
            await self._application(self._scope, self._receive, self._send)
            if not self._complete:
                raise RuntimeError("the application returned before its response was complete")
        except BaseException as error:
            self._error = error
        await run_due_callbacks(self._loop)
        self._set_begun()
        if self._streams and not self._complete and not self._disconnected.is_set():
            with suppress(asyncio.CancelledError):
                await self._queue.put(b"")

    def _set_begun(self) -> None:
        _resolve(self._begun)
        if self._timer is not None:
            self._timer.cancel()

    async def _receive(self) -> "Message":
        content, self._content = self._content, None
        if content is not None:
            return {"type": "http.request", "body": content, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: "Message") -> None:
        restore_running_loop(self._loop)
        kind = message["type"]
        if kind == "http.response.start" and not self._started:
            self._started = True
            self.status = message["status"]
            self.headers = [(text_of(bytes(name)), text_of(bytes(value))) for name, value in message.get("headers", ())]
            if self._streams:
                if _is_event_stream(self.headers):
                    self._set_begun()
                else:
                    self._timer = self._loop.call_later(_HEAD_WAITS_S, self._set_begun)
        elif kind == "http.response.body" and self._started and not self._complete:
            if self._disconnected.is_set():
                raise OSError("the client has disconnected")
            body = b"" if has_no_content(self._scope["method"], self.status) else bytes(message.get("body", b""))
            last = not message.get("more_body", False)
            if not self._streams:
                self.chunks.append(body)
            elif body:
                self._has_chunks = True
                self._set_begun()
                await self._queue.put(body)
            if last:
                if self._streams:
                    await self._queue.put(b"")
                self._complete = True
                self._set_begun()
                await self._posted
        elif not self._disconnected.is_set():
            raise RuntimeError(f"the application sent {kind!r} out of order")


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _is_event_stream(headers: "list[tuple[str, str]]") -> bool:
    kind = "".join(value for name, value in headers if name.lower() == "content-type")
    return kind.partition(";")[0].strip().lower() == "text/event-stream"


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
