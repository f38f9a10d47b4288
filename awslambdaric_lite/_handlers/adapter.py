"""The handler adapter of a client: owns handlers that are not plain functions, and results that are not JSON.

Loaded in init if the handler needs it (`_handler.needs_adapter`), else when a plain function returns such a result.
"""

import posix

from .._codec import Marshaller
from .._function_errors import Fault
from .._handler import code_flags
from .._optional_settings import Options
from .._report import log_report, make_report, notice
from .streaming import deliver, streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterable, Callable
    from typing import Any

    from .._client import LambdaRuntimeClient
    from .._context import LambdaContext
    from .._types import Handler, LogSink
    from .event_loop import EventLoop

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # inspect.CO_*


class _StreamMarshaller(Marshaller):
    """A marshaller that refuses streams without trying to encode them."""

    def marshal_response(self, response: object) -> "tuple[bytes, str]":
        if streams(response):
            raise Fault("Runtime.MarshalError", "a stream cannot be serialized as JSON")
        return super().marshal_response(response)


class ClientAdapter:
    """The handler adapter of one client; it creates the event loop when something is to be awaited."""

    def __init__(self, client: "LambdaRuntimeClient", sink: "LogSink", *, timeout_dump: bool = True) -> None:
        """`timeout_dump` allows stack dumps, of which a process can have one at a time."""
        self._client = client
        self._sink = sink
        self._options = Options(posix.environ)
        self._timeout_dump_ms = self._options.timeout_dump_ms if timeout_dump else None
        self._loop: EventLoop | None = None

    @property
    def loop(self) -> "EventLoop":
        """The event loop; created at the first use."""
        if self._loop is None:
            from . import event_loop

            self._loop = event_loop.EventLoop(
                lambda text: notice(self._sink, "", text),
                cancel_at_deadline=self._options["CANCEL_AT_DEADLINE"] == "1",
            )
        return self._loop

    @property
    def existing_loop(self) -> "AbstractEventLoop | None":
        """The event loop, None if nothing has needed one."""
        return None if self._loop is None else self._loop.loop

    def adopt_loop(self, loop: "EventLoop | None") -> None:
        """Use an event loop that already exists."""
        self._loop = loop

    def adapt(self, handler: "Handler") -> "Handler":
        """Return the function to call with each event."""
        if not hasattr(handler, "__code__") or self._options["APP"] != "auto":
            from . import web_apps

            kind = web_apps.kind_of(handler, self._options["APP"])
            if kind is not None:
                handler = web_apps.adapt(handler, kind, self, self._options)
        flags = code_flags(handler)
        live = flags & (_COROUTINE | _GENERATOR | _ASYNC_GENERATOR)
        if live and type(self._client.marshaller) is Marshaller:  # else the function's author replaced the marshaller
            type(self._client).marshaller = _StreamMarshaller(self._options["CODEC"])
        if flags & _COROUTINE:
            handler = self._awaited(handler)
        elif flags & _ASYNC_GENERATOR:
            _ = self.loop  # created now, while the CPU is not throttled
        if self._timeout_dump_ms is not None:
            from .._lifecycle.timeout_dump import TimeoutDump

            timeout_dump = TimeoutDump(self._client, self._timeout_dump_ms, lambda: self.existing_loop)
            handler = timeout_dump.watch(handler)
        return handler

    def log(self, raised: BaseException) -> None:
        """Log an exception that is not the result of an invocation."""
        log_report(make_report(raised)[0], self._sink)

    def _awaited(self, handler: "Handler") -> "Handler":
        loop = self.loop

        def invoke(event: object, context: "Any") -> object:
            return loop.run(handler(event, context), context)

        return invoke

    def deliver(
        self,
        response: object,
        context: "LambdaContext",
        invocation_id: "str | None",
        flush: "Callable[[], None]",
    ) -> "tuple[bytes, str] | None":
        """Stream a response, or await it and return the body and content type of its result.

        Raises:
            Fault: the result cannot be serialized as JSON.
            BaseException: whatever the handler raises.
        """
        client = self._client
        while hasattr(type(response), "__await__"):
            response = self.loop.run(response, context)  # type: ignore[arg-type]
        if not streams(response):
            return client.marshaller.marshal_response(response)

        def drive(body: "AsyncIterable[object]", write: "Callable[[object], None]") -> None:
            self.loop.drive(body, write, context)

        deliver(client, response, context.aws_request_id or "", invocation_id, self._sink, flush, drive)
        return None
