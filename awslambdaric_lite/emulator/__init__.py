"""The local Lambda: any runtime command, run against a faithful Runtime API.

This module has the public names. The runtime never imports this package; its HTTP server uses h11, so that the two ends
of the connection cannot share a bug.

    with LocalLambda("app.handler", task_root="src") as function:
        result = function.invoke({"name": "world"})
        assert result.json() == {"hello": "world"}
"""

from __future__ import annotations

try:
    import h11  # noqa: F401  (checked once, so that the message names the cure)
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "the local Lambda needs h11; install it with: pip install 'awslambdaric-lite[local]'", name="h11"
    ) from missing

from typing import TYPE_CHECKING

from .config.function import ApiOptions, FunctionConfig
from .environments.environment import ExecutionEnvironment
from .errors import (
    AddressUnavailable,
    EmulatorError,
    EventTooLarge,
    FunctionUnavailable,
    InvalidFunction,
    LocalLambdaClosed,
    TooManyRequests,
    UnknownFunction,
    UnknownQualifier,
)
from .frontend.asynchronous import AsyncOptions
from .frontend.url_cors import Cors
from .http.exchange import RecordedRequest
from .http.faults import Faults
from .local_lambda import LocalLambda
from .results import InvokeResult, Report
from .stream_reader import StreamReader

if TYPE_CHECKING:
    from .local_project import LocalProject

__all__ = [
    "AddressUnavailable",
    "ApiOptions",
    "AsyncOptions",
    "Cors",
    "EmulatorError",
    "EventTooLarge",
    "ExecutionEnvironment",
    "Faults",
    "FunctionConfig",
    "FunctionUnavailable",
    "InvalidFunction",
    "InvokeResult",
    "LocalLambda",
    "LocalLambdaClosed",
    "LocalProject",
    "RecordedRequest",
    "Report",
    "StreamReader",
    "TooManyRequests",
    "UnknownFunction",
    "UnknownQualifier",
]


def __getattr__(name: str) -> object:
    """Import what a single function does not need."""
    if name != "LocalProject":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .local_project import LocalProject

    return LocalProject
