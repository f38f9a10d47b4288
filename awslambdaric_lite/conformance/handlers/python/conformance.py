"""Handler of the conformance cases, in Python."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

OURS = "awslambdaric_lite" in sys.modules  # streams and shutdown hooks are features of this client
INIT = os.environ.get("CONFORMANCE_INIT", "")
invocations = 0


class ConformanceError(Exception):
    """The error that the cases expect."""


class BehaviourMissing(Exception):
    """This handler, or its client, lacks the behaviour."""


def echo(event: Mapping[str, Any], context: Any) -> Any:
    return event["value"]


def count(event: Mapping[str, Any], context: Any) -> Any:
    return invocations


def size(event: Mapping[str, Any], context: Any) -> Any:
    return "x" * (event["bytes"] - 2)


def fail(event: Mapping[str, Any], context: Any) -> Any:
    raise ConformanceError(event["message"])


def leave(event: Mapping[str, Any], context: Any) -> Any:
    sys.exit(event["code"])


def print_lines(event: Mapping[str, Any], context: Any) -> Any:
    for line in event["lines"]:
        print(line)


def describe(event: Mapping[str, Any], context: Any) -> Any:
    return {
        "requestId": context.aws_request_id,
        "functionArn": context.invoked_function_arn,
        "remainingMs": context.get_remaining_time_in_millis(),
        "clientContext": context.client_context.custom if context.client_context else None,
        "identityId": context.identity.cognito_identity_id,
        "tenantId": context.tenant_id,
    }


def trace(event: Mapping[str, Any], context: Any) -> Any:
    return os.environ.get("_X_AMZN_TRACE_ID")


def unserializable(event: Mapping[str, Any], context: Any) -> Any:
    return object()


def stream(event: Mapping[str, Any], context: Any) -> Iterator[str]:
    for part in event["parts"]:
        yield part
        time.sleep(event.get("pause_ms", 0) / 1000)
    if "error" in event:
        raise ConformanceError(event["error"])


BEHAVIOURS: dict[str, Callable[[Mapping[str, Any], Any], Any]] = {
    "echo": echo,
    "count": count,
    "size": size,
    "raise": fail,
    "exit": leave,
    "print": print_lines,
    "context": describe,
    "trace": trace,
    "unserializable": unserializable,
}
if OURS:
    BEHAVIOURS["stream"] = stream


def prepare() -> bool:
    """Prepare what `CONFORMANCE_INIT` names; return whether this handler can."""
    if INIT == "raise":
        raise ConformanceError("failed in init")
    if INIT == "shutdown" and OURS:
        from awslambdaric_lite import on_shutdown

        on_shutdown(lambda: print("shut down"))
    elif INIT in ("hooks", "hook-before", "hook-after"):
        from snapshot_restore_py import register_after_restore, register_before_snapshot

        for number in (1, 2):
            register_before_snapshot(hook, f"before {number}", INIT == "hook-before")
            register_after_restore(hook, f"after {number}", INIT == "hook-after")
    else:
        return INIT == "" or (INIT == "stream" and OURS)
    return True


def hook(name: str, fails: bool) -> None:
    print(name)
    if fails:
        raise ConformanceError(name)


prepared = prepare()


def handler(event: Mapping[str, Any], context: Any) -> Any:
    """Do what the event asks for."""
    global invocations
    invocations += 1
    if not prepared or event["behaviour"] not in BEHAVIOURS:
        raise BehaviourMissing(INIT or event["behaviour"])
    time.sleep(event.get("sleep_ms", 0) / 1000)
    return BEHAVIOURS[event["behaviour"]](event, context)
