"""Handlers that are more than plain functions, results that are more than JSON: the door to what serves them.

Loaded in init if the handler shows what it is (`_handler.is_special`), else when a plain function returns one of these.
"""

import posix

from .._codec import Marshaller
from .._function_errors import Fault
from .._handler import code_flags
from .._optional_settings import Options
from .._report import OWN_FRAMES, format_frames, frames_of, log_error, make_error, notice, text_of
from .streaming import OWN, deliver, streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterable, Callable
    from typing import Any

    from .._client import LambdaRuntimeClient
    from .._types import LogSink
    from .event_loop import EventLoop

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # inspect.CO_*

OWN_FRAMES.extend(OWN)


class _LiveMarshaller(Marshaller):
    """Does not even try to write a stream as JSON."""

    def marshal_response(self, response: object) -> "tuple[bytes, str]":
        if streams(response):
            raise Fault("Runtime.MarshalError", "a stream is no JSON")
        return super().marshal_response(response)


class Special:
    """What one process needs beyond the ordinary; the event loop is made when something is to be awaited."""

    def __init__(self, client: "LambdaRuntimeClient", sink: "LogSink") -> None:
        self._client = client
        self._sink = sink
        self._options = Options(posix.environ)
        self._loop: "EventLoop | None" = None

    @property
    def loop(self) -> "EventLoop":
        """The one event loop."""
        if self._loop is None:
            from . import event_loop

            self._loop = event_loop.EventLoop(
                lambda text: notice(self._sink, "", text),
                cancel_at_deadline=self._options["CANCEL_AT_DEADLINE"] == "1",
            )
            OWN_FRAMES.extend(event_loop.OWN)
        return self._loop

    @property
    def existing_loop(self) -> "AbstractEventLoop | None":
        """The event loop, if it was needed already."""
        return None if self._loop is None else self._loop.loop

    def adapt(self, handler: "Callable[..., Any]") -> "Callable[..., Any]":
        """Return what to call for an event."""
        if not hasattr(handler, "__code__") or self._options["APP"] != "auto":
            from . import web_apps

            kind = web_apps.kind_of(handler, self._options["APP"])
            if kind is not None:
                handler = web_apps.adapt(handler, kind, self, stream=self._options["APP_STREAM"] == "1")
        flags = code_flags(handler)
        live = flags & (_COROUTINE | _GENERATOR | _ASYNC_GENERATOR)
        if live and type(self._client.marshaller) is Marshaller:  # else it is the user's own
            type(self._client).marshaller = _LiveMarshaller(self._options["CODEC"])
        if flags & _COROUTINE:
            handler = self._awaited(handler)
        elif flags & _ASYNC_GENERATOR:
            _ = self.loop  # now, while the CPU is not throttled
        if self._options.timeout_dump_ms is not None:
            from .._lifecycle.timeout_dump import Watchdog

            watchdog = Watchdog(self._client, self._options.timeout_dump_ms, lambda: self.existing_loop)
            handler = watchdog.watch(handler)
            OWN_FRAMES.append(handler.__code__)
        return handler

    def log(self, raised: BaseException) -> None:
        """Write an error report of what has no invocation to be the result of."""
        frames = frames_of(raised.__traceback__, OWN_FRAMES)
        try:
            log_error(make_error(text_of(raised), type(raised).__name__, format_frames(frames)), self._sink)
        except Exception:
            pass  # the log cannot be written

    def _awaited(self, handler: "Callable[..., Any]") -> "Callable[..., Any]":
        loop = self.loop

        def invoke(event: object, context: "Any") -> object:
            return loop.run(handler(event, context), context)

        OWN_FRAMES.append(invoke.__code__)
        return invoke

    def deliver(
        self,
        response: object,
        context: "Any",
        invocation_id: "str | None",
        flush: "Callable[[], None]",
    ) -> "tuple[bytes, str] | None":
        """Stream a result, or wait for it; return what an awaited one is as JSON.

        Raises:
            Fault: it is none of what can be streamed or awaited.
            BaseException: of the handler's.
        """
        client = self._client
        while hasattr(type(response), "__await__"):
            response = self.loop.run(response, context)  # type: ignore[arg-type]
        if not streams(response):
            return client.marshaller.marshal_response(response)

        def drive(body: "AsyncIterable[object]", write: "Callable[[object], None]") -> None:
            self.loop.drive(body, write, context)

        if drive.__code__ not in OWN_FRAMES:
            OWN_FRAMES.append(drive.__code__)
        deliver(client, response, context.aws_request_id, invocation_id, self._sink, flush, drive)
        return None


OWN_FRAMES.extend((Special.deliver.__code__,))
