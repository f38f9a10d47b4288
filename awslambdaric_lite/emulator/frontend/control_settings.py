"""The settings of a function as requests to the control plane change them."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config.function import FunctionConfig
from .control_members import check_text, violation
from .control_reading import Call
from .service_errors import invalid_parameter

_VARIABLE = "[a-zA-Z]([a-zA-Z0-9_])+"  # of the service model
# Source: "Defined runtime environment variables" of the developer guide.
_RESERVED = {
    *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_ACCESS_KEY"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_FUNCTION_NAME"),
    *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT"),
    *("LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN"),
}


def changed_settings(call: Call, function: FunctionConfig, body: Mapping[str, Any]) -> FunctionConfig:
    """Return settings with the changes of a request.

    Raises:
        InvalidFunction: Lambda would refuse a setting.
        ServiceError: a layer is unknown, or the runtime cannot run here.
    """
    names = {"Handler": "handler", "Timeout": "timeout_s", "MemorySize": "memory_mb"}
    changes: dict[str, Any] = {ours: body[name] for name, ours in names.items() if name in body}
    if "Environment" in body:
        changes["env"] = _variables(body["Environment"].get("Variables") or {})
    if "EphemeralStorage" in body:
        changes["ephemeral_storage_mb"] = body["EphemeralStorage"].get("Size")
    if "SnapStart" in body:
        changes["snap_start"] = body["SnapStart"].get("ApplyOn") == "PublishedVersions"
    if "LoggingConfig" in body:
        wanted = body["LoggingConfig"]
        changes["log_format"] = wanted.get("LogFormat", function.log_format)
        changes["log_level"] = wanted.get("ApplicationLogLevel")
        changes["system_log_level"] = wanted.get("SystemLogLevel")
    if "Layers" in body:
        changes["layers"] = _layers(call, body["Layers"])
    if "Runtime" in body:
        changes["runtime"] = _command(body["Runtime"])
    return dataclasses.replace(function, **changes)


def _layers(call: Call, arns: list[Any]) -> list[Path]:
    known = call.service.layers
    for arn in arns:
        if arn not in known:
            listed = ", ".join(known) or "none"
            raise invalid_parameter(f"Layer {arn} is unknown to the local Lambda; use one of: {listed}")
    return [known[arn] for arn in arns]


def _variables(values: Mapping[str, Any]) -> dict[str, str]:
    """Return environment variables.

    Raises:
        ServiceError: a name is invalid or reserved, or a value is not text.
    """
    if reserved := [name for name in values if name in _RESERVED]:
        raise invalid_parameter(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    invalid = [name for name in values if not re.fullmatch(_VARIABLE, name, re.ASCII)]
    if invalid:
        constraint = f"Map keys must satisfy constraint: [Member must satisfy regular expression pattern: {_VARIABLE}]"
        raise violation("environment.variables", dict.fromkeys(invalid, "***"), constraint)
    return {name: check_text(value) for name, value in values.items()}


def _command(runtime: str) -> tuple[str, ...] | None:
    """Return the command line of a runtime; None for this package's."""
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if runtime == own:
        return None
    if runtime.startswith("provided"):
        return ("./bootstrap",)
    raise invalid_parameter(f"Runtime {runtime} is not offered by the local Lambda; it has {own} and provided.*")
