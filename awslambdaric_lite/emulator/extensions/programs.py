"""External extensions: their variables, and the texts about their failures."""

from __future__ import annotations

from collections.abc import Mapping

from ..runtime_api import outcomes

_RUNTIME_ONLY = {  # source: the environment of external extensions in the Runtime API's open server
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
}


def extension_environment(runtime: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an external extension, from those of the runtime."""
    return {name: value for name, value in runtime.items() if not name.startswith("_") and name not in _RUNTIME_ONLY}


def launch_error(error: OSError) -> str:
    """Return the platform's name for the reason of a failed start."""
    return "PermissionDenied" if isinstance(error, PermissionError) else "UnknownError"


def exit_reason(returncode: int) -> str:
    """Return the platform's words for the exit of an extension's process."""
    if returncode == 0:
        return "exit code 0"
    return outcomes.exit_reason(returncode).removeprefix("Runtime exited with error: ")
