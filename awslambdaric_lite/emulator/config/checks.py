"""Checks of a function's variables, layers and log settings.

Source: the Lambda developer guide, "Using Lambda environment variables". Unlike Lambda, which refuses every reserved
name, a function may set those that tests often set (`AWS_EXECUTION_ENV`, `AWS_REGION`, credentials).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ...common.json_text import compact
from ...common.quotas import MAX_LAYERS, MAX_VARIABLES
from ...common.regions import require_region
from ...packaging.reading import is_zip
from ..errors import InvalidFunction
from ..http.authority import canonical_host
from ..logs.levels import ApplicationLevel, LogFormat, SystemLevel

if TYPE_CHECKING:
    from .function import FunctionConfig

EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"

# Reserved names, and the setting that is the cure, or None.
_SETTINGS = {
    "_HANDLER": "the handler",
    "AWS_LAMBDA_FUNCTION_NAME": "the setting `name`",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "the setting `memory_mb`",
    "AWS_LAMBDA_FUNCTION_VERSION": "a qualifier, and the setting `aliases`",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "the settings `provisioned`, `snap_start` and `managed_concurrency`",
    "LAMBDA_TASK_ROOT": "the setting `task_root`",
    "_LAMBDA_TELEMETRY_LOG_FD": "the setting `telemetry_log_fd`",
    "AWS_LAMBDA_MAX_CONCURRENCY": "the setting `managed_concurrency`",
    "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": "the setting `managed_concurrency`",
    "AWS_LAMBDA_RUNTIME_API": "",
    "AWS_LAMBDA_LOG_GROUP_NAME": "",
    "AWS_LAMBDA_LOG_STREAM_NAME": "",
}

_SCRIPT_SIZE = 64 * 1024  # bytes

# Variables on which AWS, or its emulator, acts, and what has their effect here.
_NOT_APPLIED = {
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "set the timeout by --timeout or timeout_s",
    "AWS_LAMBDA_LOG_FORMAT": "set the format of all lines by --log-format or log_format",
    "AWS_LAMBDA_LOG_LEVEL": "set the level by --log-level or log_level",
}


def check_customer_variables(env: Mapping[str, str], pass_env: Iterable[str] = ()) -> None:
    """Check the variables that a function sets, and those that it gets from the host.

    Raises:
        InvalidFunction: a name or a value cannot be set, a name is reserved, or all are too large together.
    """
    for name, value in env.items():
        if not isinstance(value, str):
            raise InvalidFunction(f"environment variable {name} is {type(value).__name__}; give it as a string")
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise InvalidFunction(f"environment variable {name!r} cannot be set: bad name or a NUL byte")
        try:
            os.fsencode(name + value)
        except UnicodeEncodeError:
            raise InvalidFunction(f"environment variable {name!r} has a lone surrogate; remove it") from None
    for name in (*env, *pass_env):
        if (cure := _SETTINGS.get(name)) is not None:
            advice = f"it follows from {cure}" if cure else "its value is the local Lambda's own"
            raise InvalidFunction(f"environment variable {name} is reserved; {advice}")
    size = len(compact(dict(env)).encode(errors="surrogateescape"))
    if size > MAX_VARIABLES:
        raise InvalidFunction(
            f"the environment variables have {size} bytes as JSON; Lambda takes up to {MAX_VARIABLES}"
        )


def check_place(region: str, account: str) -> None:
    """Check the region and the account of a function.

    Raises:
        InvalidFunction: AWS has neither such regions nor such accounts.
    """
    try:
        require_region(region)
    except ValueError as error:
        raise InvalidFunction(f"region {error}") from None
    if not isinstance(account, str) or not re.fullmatch(r"[0-9]{12}", account):
        raise InvalidFunction(f"account {account!r} is not the number of an AWS account; give its 12 digits as text")


def unapplied_variables(function: FunctionConfig) -> list[str]:
    """Return a line for each variable on which AWS, or its emulator, acts and the local Lambda does not."""
    given = {name: os.environ[name] for name in function.pass_env if name in os.environ} | dict(function.env)
    agreed = {"AWS_LAMBDA_LOG_FORMAT": function.log_format, "AWS_LAMBDA_LOG_LEVEL": function.log_level}
    cures = {name: cure for name, cure in _NOT_APPLIED.items() if given.get(name) != agreed.get(name)}
    if function.runtime is not None and not _names_wrapper(Path(function.task_root, function.runtime[0])):
        cures[EXEC_WRAPPER] = "a runtime other than the default one has to start the wrapper itself"
    return [
        f"the platform does not act on the variable {name}: {cures[name]}"
        for name in sorted(given)
        if given[name] and name in cures
    ]


def _names_wrapper(program: Path) -> bool:
    """Return whether a program is a script that reads the variable, as `bootstrap` does."""
    try:
        with program.open("rb") as file:
            start = file.read(_SCRIPT_SIZE)
    except OSError:
        return False
    return start.startswith(b"#!") and EXEC_WRAPPER.encode() in start


def check_layers(layers: Sequence[Path]) -> None:
    """Check the layers of a function.

    Raises:
        InvalidFunction: their number is above the limit, or one is neither a folder nor a zip file.
    """
    if len(layers) > MAX_LAYERS:
        raise InvalidFunction(f"{len(layers)} layers are too many; Lambda takes up to {MAX_LAYERS}")
    for layer in layers:
        if not layer.is_dir() and not is_zip(layer):
            raise InvalidFunction(f"layer {layer} is neither a folder nor a zip file; give the path of one")


def check_allowed_hosts(names: Sequence[str]) -> None:
    """Check the names of hosts that requests may name.

    Raises:
        InvalidFunction: one is not a host name or an address.
    """
    if isinstance(names, str):
        raise InvalidFunction("allow_hosts is text; give a list, e.g. ['my-proxy.com']")
    for name in names:
        if canonical_host(name) is None:
            raise InvalidFunction(
                f"allowed host {name!r} is not a host name; give it without scheme and port, e.g. my-proxy.com"
            )


def check_logging(log_format: str, level: str | None, system_level: str | None) -> None:
    if log_format not in get_args(LogFormat):
        raise InvalidFunction(f"log format {log_format} is unknown; it is one of {', '.join(get_args(LogFormat))}")
    for name, value, allowed in (
        ("log level", level, get_args(ApplicationLevel)),
        ("system log level", system_level, get_args(SystemLevel)),
    ):
        if value is not None and value not in allowed:
            raise InvalidFunction(f"{name} {value} is unknown; it is one of {', '.join(allowed)}")
        if value is not None and log_format != "JSON":
            raise InvalidFunction(f"{name} {value} needs the log format JSON; with Text everything is logged")
