"""The settings that are different for a function on Lambda Managed Instances.

Source: "Lambda Managed Instances" of the developer guide ("Best practices", "Execution environment", "Python runtime")
and the API reference of `LambdaManagedInstancesCapacityProviderConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...common.quotas import MAX_MANAGED_CONCURRENCY
from ..errors import InvalidFunction

_MEMORY_MB = 2048  # of the smallest function
_INIT_LIMIT_S = 130.0


def managed_defaults(function: Mapping[str, Any], ordinary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that Managed Instances change, from a function's settings and those of an ordinary one.

    Raises:
        InvalidFunction: the concurrency is out of range, or another setting does not fit.
    """
    concurrency = function["managed_concurrency"]
    if type(concurrency) is not int:
        raise InvalidFunction(f"managed concurrency {concurrency!r} is not a whole number; give one, e.g. 16")
    if not 1 <= concurrency <= MAX_MANAGED_CONCURRENCY:
        raise InvalidFunction(
            f"managed concurrency {concurrency} is out of range; Lambda takes 1 to {MAX_MANAGED_CONCURRENCY}"
        )
    refused = {
        "snap_start": (function["snap_start"], "Managed Instances have no snapshots"),
        "debug": (function["debug"], "several workers cannot share one terminal"),
        "telemetry_log_fd": (function["telemetry_log_fd"], "Managed Instances have a log socket instead"),
    }
    for name, (is_set, reason) in refused.items():
        if is_set:
            raise InvalidFunction(f"{name} does not go with managed_concurrency: {reason}; omit one of them")
    settings: dict[str, Any] = {"freeze": False, "log_format": "JSON"}
    if function["memory_mb"] == ordinary["memory_mb"]:
        settings["memory_mb"] = _MEMORY_MB
    if function["init_timeout_s"] == ordinary["init_timeout_s"]:
        settings["init_timeout_s"] = max(_INIT_LIMIT_S, function["timeout_s"])
    return settings
