"""ASGI applications as handlers (specification 3.0: HTTP and lifespan)."""

import asyncio

from .http_request import HttpRequest
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
    """The application said so in its lifespan."""


class AsgiHandler:
    """Calls an application with each event; its lifespan is that of the process."""

    def __init__(self, application: "Application", loop: "EventLoop", log: "Callable[[BaseException], None]") -> None:
        """`log` is told of an error that the application raises although it has answered."""
        self._application = application
        self._loop = loop
        self._log = log
        self.state: "dict[str, Any]" = {}

    def start(self) -> "Callable[[], Awaitable[None]] | None":
        """Let the application start; return what shuts it down, None if it has no lifespan.

        Raises:
            ApplicationStartupFailed: it failed to start.
        """
        lifespan = _Lifespan(self._application, self.state)
        self._loop.own_tasks.add(lifespan.begin(self._loop.loop))
        self._loop.run(lifespan.started())
        return lifespan.shut_down if lifespan.complete else None

    def handle(self, event: "Any", context: "Any", *, stream: bool = False) -> "object":
        """Answer one event, streamed if that is wanted and the front can."""
        request = HttpRequest(event)
        cycle = _Cycle(self._application, self._scope(request, context), request.body)
        if stream and request.accepts_stream:
            return self._loop.run(self._begin_stream(cycle), context)
        self._loop.run(cycle.run(), context)
        if cycle.error is not None:
            self._log(cycle.error)
        return request.render(cycle.status, cycle.headers, b"".join(cycle.chunks))

    async def _begin_stream(self, cycle: "_Cycle") -> StreamingResponse:
        cycle.streams = True
        task = asyncio.get_running_loop().create_task(cycle.run())
        self._loop.own_tasks.add(task)
        task.add_done_callback(self._loop.own_tasks.discard)
        begun = asyncio.ensure_future(cycle.begun.wait())
        await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if not cycle.begun.is_set():
            await task  # raises
        return StreamingResponse(self._chunks(cycle, task), cycle.status, cycle.headers)

    async def _chunks(self, cycle: "_Cycle", task: "asyncio.Task[None]") -> "AsyncIterator[bytes]":
        try:
            while True:
                getting = asyncio.ensure_future(cycle.queue.get())
                await asyncio.wait({task, getting}, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    yield getting.result()
                    continue
                getting.cancel()
                break
            await task
            if cycle.error is not None:
                self._log(cycle.error)
        finally:
            cycle.disconnected.set()
            if not task.done():  # the caller is gone: let the application clean up in this invocation
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
            "path": request.path.decode("utf-8", "replace"),
            "raw_path": request.raw_path.encode(),
            "query_string": request.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in request.headers],
            "client": (request.client, 0),
            "server": (request.host, request.port),
            "state": self.state.copy(),
            "aws.event": request.event,
            "aws.context": context,
        }


class _Cycle:
    """One request and its response."""

    def __init__(self, application: "Application", scope: "Message", body: bytes) -> None:
        self._application = application
        self._scope = scope
        self._body: "bytes | None" = body
        self._started = False
        self._complete = False
        self.streams = False
        self.status = 200
        self.headers: "list[tuple[str, str]]" = []
        self.chunks: "list[bytes]" = []
        self.queue: "asyncio.Queue[bytes]" = asyncio.Queue(1)
        self.begun = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.error: "BaseException | None" = None
        """What the application raised after its response was complete."""

    async def run(self) -> None:
        """Call the application.

        Raises:
            RuntimeError: it has not answered.
            BaseException: whatever it raises before it has.
        """
        try:
            await self._application(self._scope, self._receive, self._send)
        except Exception as error:  # frameworks answer 500 and then let their server know
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
            self.headers = [
                (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
        elif kind == "http.response.body" and self._started and not self._complete:
            body = b"" if self._scope["method"] == "HEAD" else message.get("body", b"")
            if self.streams:
                self.begun.set()
                if self.disconnected.is_set():
                    raise OSError("the caller is gone")
                if body:
                    await self.queue.put(bytes(body))
            elif body:
                self.chunks.append(bytes(body))
            if not message.get("more_body", False):
                self._complete = True
                self.disconnected.set()
        elif not self.disconnected.is_set():
            raise RuntimeError(f"the application sent {kind!r}, which is not due now")


class _Lifespan:
    """The application's start and its end."""

    def __init__(self, application: "Application", state: "dict[str, Any]") -> None:
        self._application = application
        self._scope = {"type": "lifespan", "asgi": dict(_VERSIONS), "state": state}
        self._due: "asyncio.Queue[Message]" = asyncio.Queue()
        self._settled = asyncio.Event()
        self._failure: "str | None" = None
        self._task: "asyncio.Task[None] | None" = None
        self.complete = False

    def begin(self, loop: "asyncio.AbstractEventLoop") -> "asyncio.Task[None]":
        """Call the application with its lifespan; that call lasts as long as the process."""
        self._task = loop.create_task(self._run())
        return self._task

    async def started(self) -> None:
        """Wait until it has started, or shown that it has no lifespan."""
        await self._due.put({"type": "lifespan.startup"})
        await self._settled.wait()
        if self._failure is not None:
            raise ApplicationStartupFailed(self._failure or "the application gave no reason")

    async def shut_down(self) -> None:
        """Tell it to end, and wait for that."""
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


# Frames of these run before the application's own and are no news to whoever reads its stack trace.
OWN = tuple(
    function.__code__
    for function in (AsgiHandler.handle, AsgiHandler._begin_stream, AsgiHandler._chunks, _Cycle.run, _Lifespan.started)
)
