"""Log records of user code: owns Lambda's formats. Loaded when user code first imports `logging`.

Class names, formats and the conditions for each are those of the official client, because tools look them up.
"""

import logging
import time

from . import _report
from ._sinks import JSON_FRAMES, TEXT_FRAMES, has_milliseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._types import Current, LogSink

_TEXT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
_TEXT_DATE = "%Y-%m-%dT%H:%M:%S"
JSON_DATE = "%Y-%m-%dT%H:%M:%SZ"

# The attributes of a record without `extra`; `taskName` counts as `extra`, as in the official client.
NOT_EXTRA = set(logging.makeLogRecord({}).__dict__) - {"taskName"} | {
    "aws_request_id",
    "tenant_id",
    "_frame_type",
}

invocations: "list[Current]" = []  # the functions that `install()` got


def level_name(value: "str | None") -> str:
    """Return the name of the level in `AWS_LAMBDA_LOG_LEVEL`, an empty string if the variable is not set."""
    return {None: "", "TRACE": "DEBUG"}.get(value, value or "").upper()


def level_of(record: logging.LogRecord) -> int:
    """Return a record's level, rounded down to one of the standard levels."""
    return min(50, max(0, record.levelno)) // 10 * 10


def _format_tb(trace: "Any") -> "list[str]":
    """Return what `traceback.format_tb` returns; without positions in the lines if it cannot be imported.

    With lazy imports (PEP 810), the module is first imported here, and no file descriptor may be left.
    """
    try:
        lines: "list[str]" = logging.traceback.format_tb(trace)  # type: ignore[attr-defined]
    except ImportError:
        return _report.format_frames(_report.frames_of(trace))
    return lines


class JsonFormatter(logging.Formatter):
    """A formatter that writes a JSON object for each record, with the official client's keys in its order."""

    converter = time.gmtime  # type: ignore[assignment]  # wrong in typeshed: a function without self
    encoder: "Any" = None  # of all records; a json.JSONEncoder

    def __init__(self) -> None:
        super().__init__(datefmt=JSON_DATE)
        if JsonFormatter.encoder is None:
            import json

            JsonFormatter.encoder = json.JSONEncoder(ensure_ascii=False, default=str)
        self._milliseconds = has_milliseconds()

    def formatTime(self, record: logging.LogRecord, datefmt: "str | None" = None) -> str:
        """Return the time of a record, with milliseconds if `AWS_LAMBDA_LOG_TIMESTAMP_PRECISION` asks for them."""
        text = super().formatTime(record, datefmt)
        return f"{text[:-1]}.{int(record.msecs):03d}Z" if self._milliseconds and datefmt == JSON_DATE else text

    def format(self, record: logging.LogRecord) -> str:
        record.levelno = level_of(record)
        record.levelname = logging.getLevelName(record.levelno)
        record._frame_type = JSON_FRAMES.get(record.levelno, JSON_FRAMES[0])
        kind, error, trace = record.exc_info or (None, None, None)  # also if `exc_info=True` found no exception
        fields: "dict[str, object]" = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage(),
            "logger": record.name,
            "stackTrace": _format_tb(trace) if kind else None,
            "errorType": kind.__name__ if kind else None,
            "errorMessage": str(error) if kind else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if kind else None,
        }
        if kind and _report.chain is not None:
            fields.update(_report.chain.members(error))
        tenant_id = getattr(record, "tenant_id", None)
        if tenant_id is not None:
            fields["tenantId"] = tenant_id
        for name, value in record.__dict__.items():
            if name not in NOT_EXTRA and name not in fields:
                fields[name] = value
        return str(self.encoder.encode({name: value for name, value in fields.items() if value is not None})) + "\n"


class _TextFormatter(logging.Formatter):
    # Only in this class; the official client changes the attribute in `logging.Formatter`.
    converter = time.gmtime  # type: ignore[assignment]

    def formatException(self, ei: "Any") -> str:
        """Return what the standard library returns, or a plain stack: see `_format_tb()`."""
        try:
            return super().formatException(ei)
        except ImportError:
            lines = _report.format_frames(_report.frames_of(ei[2]))
            return f"Traceback (most recent call last):\n{''.join(lines)}{ei[0].__name__}: {ei[1]}"


class LambdaLoggerHandler(logging.Handler):
    """A handler that writes the formatter's text without adding a newline."""

    def __init__(self, log_sink: "LogSink") -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        self.log_sink.log(self.format(record))


class LambdaLoggerHandlerWithFrameType(logging.Handler):
    """A handler that also passes each record's level to the sink, for the frame."""

    def __init__(self, log_sink: "LogSink") -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.log_sink.log(text, frame_type=getattr(record, "_frame_type", None) or TEXT_FRAMES.get(level_of(record)))


class LambdaLoggerFilter(logging.Filter):
    """A filter that adds request id and tenant id to every record; tools replace formatters, but not filters."""

    def __init__(self, invocation: "Current | None" = None) -> None:
        super().__init__()
        self._invocation = invocation or invocations[-1]

    def filter(self, record: logging.LogRecord) -> bool:
        request_id, tenant_id = self._invocation()
        record.aws_request_id = request_id or ""
        record.tenant_id = tenant_id
        return True


def install(
    sink: "LogSink",
    invocation: "Current",
    *,
    json_format: bool,
    log_level: "str | None",
) -> None:
    """Add Lambda's handler to the root logger; `invocation()` returns the ids of the current invocation."""
    invocations.append(invocation)
    root = logging.getLogger()
    level = level_name(log_level)
    framed = json_format or bool(level)
    handler = LambdaLoggerHandlerWithFrameType(sink) if framed else LambdaLoggerHandler(sink)
    handler.setFormatter(JsonFormatter() if json_format else _TextFormatter(_TEXT, _TEXT_DATE))
    if type(logging.getLevelName(level)) is int:  # it returns other names as text
        root.setLevel(level)
    handler.addFilter(LambdaLoggerFilter(invocation))
    root.addHandler(handler)
