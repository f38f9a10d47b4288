"""Handlers that return the context."""

from __future__ import annotations

import os
from typing import Any

ATTRIBUTES = (
    "aws_request_id",
    "log_group_name",
    "log_stream_name",
    "function_name",
    "memory_limit_in_mb",
    "function_version",
    "invoked_function_arn",
    "tenant_id",
)
NAMES = {"custom", "env", "client", "installation_id", "app_title", "app_version_name", "app_version_code"}


def dump(value: Any) -> object:
    """Return an object of the context as JSON values."""
    if value is None or isinstance(value, dict | list | str | int | float):
        return repr(value)
    slots = [name for name in dir(value) if not name.startswith("__")]
    return {"type": type(value).__name__, "repr": repr(value), **{name: dump(getattr(value, name)) for name in slots}}


def handler(event: object, context: Any) -> object:
    """Return all values of the context."""
    left = context.get_remaining_time_in_millis()
    return {
        "attributes": {name: getattr(context, name) for name in ATTRIBUTES},
        "client_context": dump(context.client_context),
        "identity": dump(context.identity),
        "w3c": context.w3c(),
        "repr": repr(context),
        "str": str(context),
        "vars": sorted(name for name in vars(context) if not name.startswith("_")),
        "dir": [name for name in dir(context) if not name.startswith("_")],
        "type": type(context).__name__,
        "left": [type(left).__name__, left > 10**9, left < 0, left == 0],
        "deadline": context._epoch_deadline_time_in_ms,
        "trace variable": os.environ.get("_X_AMZN_TRACE_ID"),
        "trace variable of children": os.popen('printf %s "$_X_AMZN_TRACE_ID"').read(),
    }


def changing_handler(event: object, context: Any) -> object:
    """Change variables that the context reads, and the trace id."""
    seen = [context.function_name, context.memory_limit_in_mb, os.environ.get("_X_AMZN_TRACE_ID")]
    os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "renamed-é"
    os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = "256"
    os.environ["_X_AMZN_TRACE_ID"] = "mine"
    return seen


def using_handler(event: object, context: Any) -> object:
    """Set attributes on the context, as some tools do."""
    context.my_own = 1
    context.function_name = "other"
    context.identity.cognito_identity_id = "set"
    answers = [context.my_own, context.function_name, context.identity.cognito_identity_id]
    for target, name in ((context.identity, "extra"), (context.client_context, "extra")):
        try:
            setattr(target, name, 1)
            answers.append("set")
        except AttributeError as error:
            answers.append(type(error).__name__)
    return answers


def environment(event: object, context: Any) -> object:
    """Return the names of all variables, except those that a shell sets."""
    return sorted(os.environ.keys() - {"PWD", "OLDPWD", "SHLVL", "_"})
