"""The environment variables of processes: those of a `provided.*` function, and no others.

Source: the Lambda developer guide, "Using Lambda environment variables". Unlike Lambda, which refuses every reserved
name, a function may set those that tests often set (`AWS_EXECUTION_ENV`, `AWS_REGION`, credentials).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.function import FunctionConfig
    from .filesystem import Filesystem

# Placeholder credentials, well-formed: without any, an SDK would search for an instance role.
_FAKE_KEY = "ASIAIOSFODNN7EXAMPLE"
_FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": _FAKE_KEY,
    "AWS_ACCESS_KEY": _FAKE_KEY,
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "local-session-token",
}
# Source: the AWS SDKs and Tools reference guide, "Environment variables support", the part about credentials.
_CREDENTIAL_SOURCES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
)
_CREDENTIAL_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
_PACKED_BUNDLE = "imports.bundle"
_FROM_HOST = ("LD_LIBRARY_PATH",)  # needed by the host's programs to start


def log_stream_name(version: str) -> str:
    """Return a new name for the log stream of an execution environment, in Lambda's form."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version}]{secrets.token_hex(16)}"


def process_environment(
    function: FunctionConfig,
    *,
    version: str,
    initialization_type: str,
    runtime_api: str,
    filesystem: Filesystem,
    log_stream: str,
    defaults: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return all variables of a runtime process; the function's variables replace others, e.g. the `defaults`."""
    variables = {name: os.environ[name] for name in _FROM_HOST if name in os.environ}
    variables |= {
        "PATH": os.environ.get("PATH") or "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": str(filesystem.tmp),
        "LAMBDA_TASK_ROOT": str(filesystem.task_root),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": function.handler,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
    }
    if not function.snap_start:  # a snapshot is restored in many environments, each with another log stream
        variables |= {
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        }
    if function.log_format == "JSON":
        variables |= {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.log_level or "INFO"}
    if function.managed_concurrency is not None:
        variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.managed_concurrency)
    variables |= _callers_credentials() if function.aws_credentials else _FAKE_CREDENTIALS
    variables |= defaults or {}
    variables |= {name: os.environ[name] for name in function.pass_env if name in os.environ}
    variables |= function.env
    # `bootstrap` of a package names the bundle of `pack` itself, if the function has no such variable.
    packed = function.runtime is not None and (filesystem.task_root / _PACKED_BUNDLE).is_file()
    if variables.get("AWSLAMBDARIC_LITE_BUNDLE", _PACKED_BUNDLE if packed else ""):
        variables["_AWSLAMBDARIC_LITE_CHECK_BUNDLE"] = "1"  # here, people edit files; the runtime removes the variable
    return variables | filesystem.layer_variables(variables)


def _callers_credentials() -> dict[str, str]:
    """Return the variables from which the caller's SDKs read credentials, and the paths of their files."""
    variables = {name: os.environ[name] for name in _CREDENTIAL_SOURCES if name in os.environ}
    for name, default in _CREDENTIAL_FILES.items():
        path = os.path.expanduser(os.environ.get(name, default))
        if os.path.exists(path):
            variables[name] = path
    return variables
