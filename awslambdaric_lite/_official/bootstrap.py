"""The module `awslambdaric.bootstrap`: `_runtime`, extended with the official names.

A name that user code sets replaces the function with that task. Setting a name that this runtime does not use raises
an AttributeError.
"""

import logging  # noqa: F401 -- its import loads `_logs`
import os
import sys

from .. import _report, _runtime
from .._codec import parse_header
from .._context import LambdaContext
from .._framed_sink import FramedTelemetryLogSink
from .._logs import LambdaLoggerFilter, LambdaLoggerHandler, LambdaLoggerHandlerWithFrameType, install, invocations
from .._sinks import StandardLogSink
from .lambda_runtime_exception import FaultException
from .lambda_runtime_log_utils import (
    _DATETIME_FORMAT,
    _DEFAULT_FRAME_TYPE,
    _JSON_FRAME_TYPES,
    _TEXT_FRAME_TYPES,
    JsonFormatter,
    LogFormat,
    _format_log_level,
    _get_log_level_from_env_var,
)
from .lambda_runtime_marshaller import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from .._types import ErrorReport, LogSink

__all__ = [
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "ERROR_LOG_IDENT",
    "ERROR_LOG_LINE_TERMINATE",
    "INIT_TYPE_SNAP_START",
    "_AWS_LAMBDA_LOG_FORMAT",
    "_AWS_LAMBDA_LOG_LEVEL",
    "_DATETIME_FORMAT",
    "_DEFAULT_FRAME_TYPE",
    "_ERROR_FRAME_TYPE",
    "_JSON_FRAME_TYPES",
    "_TEXT_FRAME_TYPES",
    "FaultException",
    "FramedTelemetryLogSink",
    "JsonFormatter",
    "LambdaLoggerFilter",
    "LambdaLoggerHandler",
    "LambdaLoggerHandlerWithFrameType",
    "LogFormat",
    "StandardLogSink",
    "_format_log_level",
    "_get_log_level_from_env_var",
    "_setup_logging",
    "build_fault_result",
    "create_lambda_context",
    "extract_traceback",
    "make_error",
    "make_xray_fault",
    "replace_line_indentation",
    "to_json",
]  # in addition to the names of `_runtime` itself, and to those below

AWS_LAMBDA_INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
ERROR_LOG_IDENT = "\u00a0"
ERROR_LOG_LINE_TERMINATE = "\r"
INIT_TYPE_SNAP_START = "snap-start"
_AWS_LAMBDA_LOG_FORMAT = LogFormat.from_str(os.environ.get("AWS_LAMBDA_LOG_FORMAT"))
_AWS_LAMBDA_LOG_LEVEL = _get_log_level_from_env_var(os.environ.get("AWS_LAMBDA_LOG_LEVEL"))
_ERROR_FRAME_TYPE = (_TEXT_FRAME_TYPES if _AWS_LAMBDA_LOG_FORMAT else _JSON_FRAME_TYPES)[40]

_SAME_TASK = {
    "_get_handler": "load",
    "log_error": "log_report",
    "parse_json_header": "parse_header",
    "update_xray_env_variable": "set_trace_id",
}  # official name: our name
_IDS = ("_GLOBAL_AWS_REQUEST_ID", "_GLOBAL_TENANT_ID")
_before: "dict[int, str | None]" = {}  # ids before user code set them
_ABSENT = ("Unbuffered", "_log_preview_runtime_warning", "init_logging", "on_init_complete", "run")


def make_error(
    error_message: "str | None",
    error_type: "str | None",
    stack_trace: "list[str] | None",
    invoke_id: "str | None" = None,
) -> "ErrorReport":
    """Return an error as the Runtime API receives it."""
    return {
        "errorMessage": error_message or "",
        "errorType": error_type or "",
        "requestId": invoke_id or "",
        "stackTrace": stack_trace or [],
    }


def build_fault_result(exc_info: "tuple[type, BaseException, Any]", msg: "str | None") -> "ErrorReport":
    """Return an exception as the Runtime API receives it; `msg` replaces its message."""
    report, _ = _report.make_report(exc_info[1])
    return {**report, "errorMessage": msg or report["errorMessage"]}


def extract_traceback(tb: "TracebackType | None") -> "list[tuple[str, int | None, str, str]]":
    """Return the path, the line, the function and the source of each frame."""
    return _report.frames_of(tb)


def make_xray_fault(
    ex_type: str, ex_msg: str, working_dir: str, tb_tuples: "list[tuple[str, int | None, str, str]]"
) -> "dict[str, Any]":
    """Return an error as X-Ray receives it."""
    stack = [{"label": name, "path": path, "line": line} for path, line, name, _ in tb_tuples]
    exceptions = [{"message": ex_msg, "type": ex_type, "stack": stack}]
    return {
        "working_directory": working_dir,
        "exceptions": exceptions,
        "paths": list(dict.fromkeys(frame[0] for frame in tb_tuples)),
    }


def replace_line_indentation(line: str, indent_char: str, new_indent_char: str) -> str:
    """Replace the characters at the beginning of a line."""
    bare = line.lstrip(indent_char)
    return new_indent_char * (len(line) - len(bare)) + bare


def create_lambda_context(
    client_context_json: "str | None",
    cognito_identity_json: "str | None",
    epoch_deadline_time_in_ms: int,
    invoke_id: str,
    invoked_function_arn: "str | None",
    tenant_id: "str | None",
) -> LambdaContext:
    """Make a context from the headers of an invocation."""
    return LambdaContext(
        invoke_id,
        parse_header(client_context_json, "Client Context"),
        parse_header(cognito_identity_json, "Cognito Identity"),
        epoch_deadline_time_in_ms,
        invoked_function_arn,
        tenant_id,
    )


def _setup_logging(log_format: int, log_level: "str | None", log_sink: "LogSink") -> None:
    """Add Lambda's handler to the root logger."""
    install(log_sink, invocations[-1], json_format=log_format == LogFormat.JSON, log_level=log_level)


def _set_id(index: int, value: "str | None") -> None:
    """Set an id of the current invocation, which log records contain."""
    holder: Any = invocations[-1]
    holder = getattr(holder, "invocation", holder)  # on Managed Instances
    holder = getattr(holder, "__self__", holder)  # the list whose method `copy` returns the ids
    holder[index] = value


def _using(make_error: "Any") -> "Any":
    """Return a `make_report()` that lets a replaced `make_error` make the report."""

    def make_report(
        raised: BaseException, request_id: str = "", status: "int | None" = None
    ) -> "tuple[ErrorReport, str]":
        report, cause = _report.make_report(raised, request_id, status)
        message, error_type, trace = report["errorMessage"], report["errorType"], report["stackTrace"]
        return make_error(message, error_type, trace, request_id or None), cause

    return make_report


_REPLACED = {"make_error": ("make_report", _using), "to_json": ("report_json", lambda to_json: to_json)}
_OURS = {name: getattr(_runtime, name) for name in (*_SAME_TASK.values(), "make_report", "report_json")}


class _Bootstrap(type(sys)):  # type: ignore[misc]
    """The type of `_runtime` from now on."""

    def __getattr__(self, name: str) -> "Any":
        if name in _SAME_TASK:
            return getattr(self, _SAME_TASK[name])
        if name in _IDS:
            return invocations[-1]()[_IDS.index(name)]
        if name in __all__:
            return globals()[name]
        raise AttributeError(f"awslambdaric-lite does not provide awslambdaric.bootstrap.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name in _SAME_TASK:
            name = _SAME_TASK[name]
        elif name in _REPLACED:
            ours, adapted = _REPLACED[name]
            super().__setattr__(ours, adapted(value))
        elif name in _IDS:
            index = _IDS.index(name)
            _before.setdefault(index, invocations[-1]()[index])
            _set_id(index, value)  # type: ignore[arg-type]
            return
        elif name in __all__ or name in _ABSENT:
            raise AttributeError(f"awslambdaric-lite does not use awslambdaric.bootstrap.{name}; do not replace it")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Undo a replacement, as `unittest.mock.patch` does."""
        if name in _IDS:
            _set_id(_IDS.index(name), _before.pop(_IDS.index(name)))
            return
        ours = _SAME_TASK.get(name) or _REPLACED.get(name, (None,))[0]
        if ours is not None:
            super().__setattr__(ours, _OURS[ours])
        if name not in _SAME_TASK:
            super().__delattr__(name)


for _sink in (StandardLogSink, FramedTelemetryLogSink):
    _sink.__enter__ = lambda self: self  # type: ignore[union-attr]
    _sink.__exit__ = lambda self, *exception: None  # type: ignore[union-attr]
_runtime.__class__ = _Bootstrap  # pyright: ignore[reportAttributeAccessIssue]
provided = _runtime
