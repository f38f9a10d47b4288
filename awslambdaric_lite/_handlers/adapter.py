"""The handler adapter of a client: owns handlers that are not plain functions, and results that are not JSON.

Loaded in init if the handler needs it (`_handler.needs_adapter`), else when a plain function returns such a result.
"""

import posix

from .._codec import Marshaller
from .._function_errors import Fault
from .._handler import code_flags
from .._optional_settings import Options
from .._report import exit_status_of, log_report, make_report, notice
from .._runtime_errors import RuntimeFailure
from .recognition import kind_of
from .responses import ApplicationResponse
from .streaming import GeneratorType, deliver, streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterable, Callable
    from typing import Any

    from .._client import LambdaRuntimeClient
    from .._context import LambdaContext
    from .._lifecycle.timeout_dump import TimeoutDump
    from .._types import Handler, LogSink
    from .event_loop import EventLoop

_GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200  # inspect.CO_*
_JSON = (dict, list, tuple, str, int, float)


def is_awaitable(result: object) -> bool:
    """Return whether `await` accepts a result, which is not JSON, either.

    The class decides, as for `await`; some objects have every attribute.
    """
    kind = type(result)
    if kind is GeneratorType:  # of a function with the decorator `types.coroutine`
        return bool(result.gi_code.co_flags & _ITERABLE_COROUTINE)  # type: ignore[attr-defined]
    try:
        return hasattr(kind, "__await__") and not issubclass(kind, _JSON)
    except Exception:
        return False  # the metaclass has no attributes


class _StreamMarshaller(Marshaller):
    """A marshaller that refuses streams without trying to encode them."""

    def marshal_response(self, response: object) -> "tuple[bytes, str]":
        if streams(response):
            raise Fault("Runtime.MarshalError", "a stream cannot be serialized as JSON")
        return super().marshal_response(response)


class ClientAdapter:
    """The handler adapter of one client; it creates the event loop when something is to be awaited.

    Attributes:
        application: the kind of web application that the handler is called as, None for a handler.
    """

    def __init__(self, client: "LambdaRuntimeClient", sink: "LogSink", *, timeout_dump: bool = True) -> None:
        """`timeout_dump` allows stack dumps, of which a process can have one at a time."""
        self._client = client
        self._sink = sink
        self._options = Options(posix.environ)
        self._timeout_dump_ms = self._options.timeout_dump_ms if timeout_dump else None
        self._timeout_dump: TimeoutDump | None = None
        self._loop: EventLoop | None = None
        self.application: str | None = None

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
        chosen = self._options["APP"]
        if chosen == "factory":
            handler = _create_application(handler)
        if chosen in ("auto", "factory"):
            self.application = kind_of(handler)
        elif chosen != "handler":
            self.application = chosen
        if self.application is not None:
            from . import web_apps

            handler = web_apps.adapt(handler, self.application, self, self._options)
            if self._loop is not None:
                self._loop.keep_tasks()
        flags = code_flags(handler)
        live = flags & (_COROUTINE | _GENERATOR | _ASYNC_GENERATOR) or self.application
        if live and type(self._client.marshaller) is Marshaller:  # else the function's author replaced the marshaller
            type(self._client).marshaller = _StreamMarshaller(self._options["CODEC"])
        if flags & _COROUTINE:
            handler = self._awaited(handler)
        elif flags & _ASYNC_GENERATOR:
            _ = self.loop  # created now, while the CPU is not throttled
        if self._timeout_dump_ms is not None:
            from .._lifecycle.timeout_dump import TimeoutDump

            self._timeout_dump = TimeoutDump(self._client, self._timeout_dump_ms, lambda: self.existing_loop)
            handler = self._timeout_dump.watch(handler)
        return handler

    def log(self, raised: BaseException, request_id: str = "", status: "int | None" = None) -> None:
        """Log an exception that is not the result of an invocation; `status` is that of a process that it ends."""
        log_report(make_report(raised, request_id, status)[0], self._sink)

    def _awaited(self, handler: "Handler") -> "Handler":
        loop = self.loop

        def invoke(event: object, context: "Any") -> object:
            result = None
            try:
                result = handler(event, context)
                if is_awaitable(result):
                    result = loop.run(result, context)
                return result
            finally:
                if not streams(result):
                    loop.warn_of_forgotten_tasks()

        return invoke

    def deliver(
        self,
        response: object,
        context: "LambdaContext",
        invocation_id: "str | None",
        flush: "Callable[[], None]",
    ) -> "tuple[bytes, str] | None":
        """Post a stream or the response of an application, or await a result and return its body and content type.

        Raises:
            Fault: the result cannot be serialized as JSON.
            BaseException: whatever the handler raises.
        """
        client = self._client
        request_id = context.aws_request_id or ""
        while is_awaitable(response):
            response = self.loop.run(response, context)  # type: ignore[arg-type]
        if not streams(response):
            if self._loop is not None:
                self._loop.warn_of_forgotten_tasks()
            return client.marshaller.marshal_response(response)

        def drive(body: "AsyncIterable[object]", write: "Callable[[object], None]") -> None:
            self.loop.drive(body, write, context)

        if isinstance(response, ApplicationResponse):
            if response.streamed:
                deliver(client, response, request_id, invocation_id, self._sink, flush, drive)
            else:
                body, content_type = client.marshaller.marshal_response(response.result)
                flush()
                # The caller has the response now, and the environment is free when the application has finished.
                client.pipeline, pipeline = False, client.pipeline
                try:
                    client.post_invocation_result(request_id, body, content_type, invocation_id)
                except RuntimeFailure:
                    client.finishing = True  # it is not the application's error, so none is posted
                    raise
                finally:
                    client.pipeline = pipeline
            self._finish(response, context)
        else:
            deliver(client, response, request_id, invocation_id, self._sink, flush, drive)
        if self._loop is not None:
            self._loop.warn_of_forgotten_tasks()
        return None

    def _finish(self, response: ApplicationResponse, context: "LambdaContext") -> None:
        """Let an application go on after its response; log what it raises, because the response was sent.

        Raises:
            SystemExit: the application raised it.
        """
        if self._timeout_dump is not None:
            self._timeout_dump.arm(context)
        try:
            response.finish()
        except BaseException as raised:
            if self._client.forked:
                raise  # user code forked this process, and its parent has the invocation
            status = exit_status_of(raised) if isinstance(raised, SystemExit) else None
            self.log(raised, context.aws_request_id or "", status)
            if status is not None:
                self._client.finishing = True
                raise


def _create_application(factory: "Handler") -> "Handler":
    """Return the application that a function without parameters creates.

    Raises:
        TypeError: it returns something else.
    """
    application: Handler = factory()
    if kind_of(application) is None:
        raise TypeError(
            f"AWSLAMBDARIC_LITE_APP=factory: the handler returned {type(application).__name__}, which is not a web "
            "application; return an ASGI or WSGI application"
        )
    return application
