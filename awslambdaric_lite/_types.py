"""Interfaces between the modules. Only type checkers read this module; the runtime never imports it."""

from collections.abc import Callable, Iterable, Sequence

from typing_extensions import Protocol, TypedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import Any, NoReturn

    from ._client import LambdaRuntimeClient as Client
    from ._context import LambdaContext
    from ._optional_settings import Options

    Handler = Callable[..., Any]

Encode = Callable[[object], bytes]
"""Encodes a value as JSON."""

Convert = Callable[[object], object]
"""Returns another value for one that has no JSON form."""

Quote = Callable[[str], str]
"""Encodes ASCII text as a JSON string."""

Current = Callable[[], Sequence["str | None"]]
"""Returns the request id and the tenant id of the invocation that a log record belongs to."""


class CurrentIds(Protocol):
    """The place for the request id (0) and the tenant id (1) of the current invocation."""

    def __setitem__(self, index: int, value: "str | None", /) -> None: ...


class Address(Protocol):
    """The address of the Runtime API."""

    host: str
    port: int
    netloc: str
    prefix: str
    """Of paths: empty, or with a leading slash and no trailing one."""


class Settings(Protocol):
    """The environment variables that the runtime reads."""

    handler: str
    """For example `app.handler`; empty if no variable names one."""
    api: Address
    json_format: bool
    log_level: "str | None"
    pipeline: bool
    codec: str
    options: "Options | None"
    """None if no variable that begins with `AWSLAMBDARIC_LITE_` is set."""


class Socket(Protocol):
    """The methods of a socket that `_connection` calls, whichever module the socket comes from."""

    def connect(self, address: "tuple[object, ...]") -> None: ...
    def recv(self, size: int) -> bytes: ...
    def recv_into(self, buffer: memoryview) -> int: ...
    def sendall(self, data: "bytes | bytearray") -> None: ...
    def setsockopt(self, level: int, option: int, value: int) -> None: ...
    def settimeout(self, timeout: "float | None") -> None: ...
    def close(self) -> None: ...


class LogSink(Protocol):
    """A destination of log text; the methods have the official client's names because tools look them up."""

    json_format: bool

    def log(self, msg: str, frame_type: "bytes | None" = None) -> None: ...
    def log_error(self, message_lines: "list[str]") -> None: ...


class ErrorReport(TypedDict):
    """The error object of the Runtime API; `_report` makes, encodes and logs it, the client posts it."""

    errorMessage: str
    errorType: str
    requestId: str
    stackTrace: "list[str]"


class ErrorChain(Protocol):
    """The functions of the module `_lifecycle.error_chain` that `_report` and `_logs` call."""

    def extend(self, report: ErrorReport, raised: BaseException) -> None: ...
    def members(self, raised: "BaseException | None", taken: int = 0) -> "dict[str, Any]": ...
    def to_json(self, value: object) -> str: ...
    def log_lines(self, report: ErrorReport) -> "Iterable[str]": ...


class HandlerAdapter(Protocol):
    """An object that adapts handlers which are not plain functions, and delivers results which are not JSON."""

    application: "str | None"
    """The kind of web application that the handler is called as, None for a handler."""

    @property
    def existing_loop(self) -> "AbstractEventLoop | None":
        """The event loop, None if no handler has needed one."""
        ...

    def adapt(self, handler: "Handler") -> "Handler":
        """Return the function to call with each event."""
        ...

    def deliver(
        self, response: object, context: "LambdaContext", invocation_id: "str | None", flush: "Callable[[], None]"
    ) -> "tuple[bytes, str] | None":
        """Stream a response, or await it and return the body and content type of its result."""
        ...


class Runtime(Protocol):
    """The functions of the module `_runtime` that Managed Instances call.

    They are looked up there at each call, because tools may replace them.
    """

    adapter: "HandlerAdapter | None"

    def initialize(self, settings: Settings, client: "Client", current: Current, sink: LogSink) -> "Handler": ...
    def attempt_init(
        self,
        step: "Callable[[], Handler]",
        client: "Client",
        sink: LogSink,
        handler_name: str = "",
    ) -> "Handler": ...
    def adapter_for(self, client: "Client", sink: LogSink) -> HandlerAdapter: ...
    def existing_loop(self) -> "AbstractEventLoop | None": ...
    def loop(self, client: "Client", handler: "Handler", current_ids: CurrentIds, sink: LogSink) -> "NoReturn": ...
    def flush(self) -> None: ...
    def print_stderr(self, text: str) -> None: ...
