"""The destination of log text: owns the sink of this process.

The sink is standard output, or with `_framed_sink` the platform's telemetry descriptor. Also owns how the standard
streams write text of user code and of the runtime.

Imports only C builtins.
"""

import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._types import LogSink

_CLOCK = time.time, time.strftime, time.gmtime  # a tuple, because freezegun replaces them where they are attributes
# Frame types of the telemetry protocol by log level (0: none). Those of text and of JSON differ.
_CODES = {0: 0xA55A0002, 10: 0xA55A000A, 20: 0xA55A000E, 30: 0xA55A0012, 40: 0xA55A0016, 50: 0xA55A001A}
JSON_FRAMES = {level: code.to_bytes(4, "big") for level, code in _CODES.items()}
TEXT_FRAMES = {level: (code + 1).to_bytes(4, "big") for level, code in _CODES.items()}


class StandardLogSink:
    """Standard output, one event a line; inner line ends become carriage returns for Lambda's log collector."""

    def __init__(self, *, json_format: bool = False) -> None:
        self.json_format = json_format
        self._line_end = "\r"
        try:
            if sys.stdout.isatty():
                self._line_end = "\n"  # a person reads the terminal
        except (AttributeError, ValueError):
            pass  # standard output is missing

    def log(self, msg: str, frame_type: "bytes | None" = None) -> None:
        """Write a message unchanged."""
        stream = sys.stdout
        try:
            stream.write(msg)
        except UnicodeEncodeError:  # a lone surrogate, or an encoding that cannot hold the text
            encoding = stream.encoding or "ascii"
            stream.write(msg.encode(encoding, "backslashreplace").decode(encoding))
        if hasattr(stream, "flush"):  # user code may have replaced it by an object that can only write
            stream.flush()

    def log_error(self, message_lines: "list[str]") -> None:
        """Write the lines of an error report as one event."""
        self.log(self._line_end.join(message_lines) + "\n")


def json_time() -> str:
    """Return the present time as JSON logs contain it."""
    return format_time(milliseconds=has_milliseconds())


def has_milliseconds() -> bool:
    """Return whether times in JSON logs have milliseconds."""
    return posix.environ.get(b"AWS_LAMBDA_LOG_TIMESTAMP_PRECISION", b"").lower() == b"milliseconds"


def format_time(*, milliseconds: bool) -> str:
    """Format the present time of UTC as ISO 8601."""
    now, formatted, utc = _CLOCK
    seconds = now()
    fraction = f".{int(seconds * 1000) % 1000:03d}" if milliseconds else ""
    return f"{formatted('%Y-%m-%dT%H:%M:%S', utc(seconds))}{fraction}Z"


_current: "list[LogSink | None]" = [None]


def current() -> "LogSink | None":
    """Return the sink of this process, None outside the runtime."""
    return _current[0]


def create_log_sink(*, json_format: bool = False) -> "LogSink":
    """Create the sink that the environment selects, and remove its descriptor from the environment."""
    value = posix.environ.pop(b"_LAMBDA_TELEMETRY_LOG_FD", None)
    sink: "LogSink" = StandardLogSink(json_format=json_format)
    if value is not None:
        posix.unsetenv(b"_LAMBDA_TELEMETRY_LOG_FD")
        if value.isdigit():
            from ._framed_sink import FramedTelemetryLogSink

            error = (JSON_FRAMES if json_format else TEXT_FRAMES)[40]
            sink = FramedTelemetryLogSink(int(value), TEXT_FRAMES[0], error, json_format=json_format)
    replace_current(sink)
    return sink


def write_through(stream: "Any") -> None:
    """Make a standard stream write text at once, because a process that is killed cannot flush it."""
    try:
        write, flush = stream.write, stream.flush

        def write_and_flush(text: str) -> int:
            count: int = write(text)
            flush()
            return count

        stream.write = write_and_flush
    except Exception:
        pass  # the stream is missing, or a tool replaced it


def flush() -> None:
    """Flush standard output and error, even if user code replaced or closed them."""
    try:
        sys.stdout.flush()
    except BaseException:
        pass
    try:
        sys.stderr.flush()
    except BaseException:
        pass


def print_stderr(text: str) -> None:
    """Write one line of the runtime to standard error."""
    try:
        sys.stderr.write(f"awslambdaric-lite: {text}\n")
    except BaseException:
        pass


def replace_current(sink: "LogSink | None") -> None:
    """Make a sink the one that `current()` returns; None for none."""
    _current[0] = sink
