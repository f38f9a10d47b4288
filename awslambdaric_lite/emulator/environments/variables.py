"""The environment variables that the runtime process sees: those of a `provided.*` function, and no others.

Source: the Lambda developer guide, "Using Lambda environment variables".
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from ..function import FunctionConfig

# Credentials that are well-formed and worthless: without any, an SDK would go looking for an instance role.
_FAKE_KEY = "ASIAIOSFODNN7EXAMPLE"
_FAKE_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_FAKE_TOKEN = "local-session-token"
_FROM_HOST = ("LD_LIBRARY_PATH",)  # what the host's programs need to start at all


def log_stream_name(version: str) -> str:
    """A fresh name, in the form that Lambda gives to the stream of an execution environment."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version}]{secrets.token_hex(16)}"


def process_environment(
    function: FunctionConfig,
    *,
    version: str,
    initialization_type: str,
    runtime_api: str,
    scratch: Path,
    log_stream: str,
) -> dict[str, str]:
    """Put together the whole environment of a runtime process; the function's own variables win."""
    variables = {name: os.environ[name] for name in _FROM_HOST if name in os.environ}
    variables |= {
        "PATH": os.environ.get("PATH") or "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": str(scratch),
        "LAMBDA_TASK_ROOT": str(function.task_root),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": function.handler,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ACCESS_KEY_ID": _FAKE_KEY,
        "AWS_ACCESS_KEY": _FAKE_KEY,
        "AWS_SECRET_ACCESS_KEY": _FAKE_SECRET,
        "AWS_SESSION_TOKEN": _FAKE_TOKEN,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
    }
    return variables | dict(function.env)
