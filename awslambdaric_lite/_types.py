"""Interfaces between the modules, for type checkers; never imported when the runtime runs."""

from collections.abc import Callable, Sequence

from typing_extensions import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._optional_settings import Options

InHand = list["str | None"]
"""Request id and tenant id of the invocation in hand."""

Encode = Callable[[object], bytes]
"""Encodes a value as JSON."""

Quote = Callable[[str], str]
"""Writes ASCII text as a JSON string."""

Current = Callable[[], Sequence["str | None"]]
"""Tells log records the request id and the tenant id of the invocation that they belong to."""


class Address(Protocol):
    """Where the Runtime API listens."""

    host: str
    port: int
    netloc: str
    prefix: str
    """Of paths; empty, or with a slash before it and none behind."""


class Settings(Protocol):
    """The variables that the runtime obeys."""

    handler: str
    """Such as `app.handler`; empty if nobody named one."""
    api: Address
    json_format: bool
    log_level: "str | None"
    pipeline: bool
    codec: str
    options: "Options | None"
    """None if no variable that begins with `AWSLAMBDARIC_LITE_` is set."""


class Socket(Protocol):
    """What `_connection` uses of a socket, whichever module it comes from."""

    def connect(self, address: "tuple[object, ...]") -> None: ...
    def recv(self, size: int) -> bytes: ...
    def recv_into(self, buffer: memoryview) -> int: ...
    def sendall(self, data: "bytes | bytearray") -> None: ...
    def setsockopt(self, level: int, option: int, value: int) -> None: ...
    def settimeout(self, timeout: "float | None") -> None: ...
    def close(self) -> None: ...


class LogSink(Protocol):
    """A destination of log text; method names are those of the official client, for tools that look them up."""

    json_format: bool

    def log(self, msg: str, frame_type: "bytes | None" = None) -> None: ...
    def log_error(self, message_lines: "list[str]") -> None: ...
