"""External extensions: which programs they are, what they see, and their running processes."""

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
    """The variables of an external extension, from those of the runtime."""
    return {name: value for name, value in runtime.items() if not name.startswith("_") and name not in _RUNTIME_ONLY}


def launch_error(error: OSError) -> str:
    """The platform's name for why a program does not start."""
    return "PermissionDenied" if isinstance(error, PermissionError) else "UnknownError"


def exit_reason(returncode: int) -> str:
    """The platform's words for how an extension's process ended."""
    if returncode == 0:
        return "exit code 0"
    return outcomes.exit_reason(returncode).removeprefix("Runtime exited with error: ")
