"""The local Lambda: runs any runtime command against a faithful Runtime API.

Owns the public names of the emulator. The runtime itself never imports this package; its HTTP is h11, so that the two
ends of the connection cannot share a bug.

    with LocalLambda("app.handler", task_root="src") as function:
        result = function.invoke({"name": "world"})
        assert result.json() == {"hello": "world"}
"""

from __future__ import annotations

try:
    import h11  # noqa: F401  (checked here, once, so that the message names the cure)
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "the local Lambda needs h11; install it with: pip install 'awslambdaric-lite[local]'", name="h11"
    ) from missing

from .environments.environment import ExecutionEnvironment
from .errors import EmulatorError, EventTooLarge, InvalidFunction, LocalLambdaClosed
from .function import ApiOptions, FunctionConfig
from .http.connection import RecordedRequest
from .local import LocalLambda
from .results import InvokeResult, Report

__all__ = [
    "ApiOptions",
    "EmulatorError",
    "EventTooLarge",
    "ExecutionEnvironment",
    "FunctionConfig",
    "InvalidFunction",
    "InvokeResult",
    "LocalLambda",
    "LocalLambdaClosed",
    "RecordedRequest",
    "Report",
]
