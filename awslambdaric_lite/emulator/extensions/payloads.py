"""Replies of the Extensions and Telemetry APIs, and the outcome for a caller when an extension fails."""

from __future__ import annotations

from typing import Any

from ...common import json_text
from ...protocol.replies import Reply, refusal
from ..results import FunctionOutcome, Invocation
from ..runtime_api import outcomes

LOGS_NOT_SUPPORTED = Reply(202, b'{"errorMessage":"Logs API is not supported","errorType":"Logs.NotSupported"}\n')
SUBSCRIBED = Reply(200, b'"OK"', "text/plain; charset=utf-8")


def compact(value: Any) -> bytes:
    """Return JSON without spaces."""
    return json_text.compact(value).encode("utf-8", "backslashreplace")


def forbidden(error_type: str, message: str) -> Reply:
    """Return the reply to a request that is not allowed."""
    return refusal(403, error_type, message)


def invalid_subscription(message: str) -> Reply:
    """Return the reply to an invalid subscription."""
    return Reply(400, compact({"errorType": "ValidationError", "errorMessage": message}))


def invoke_event(invocation: Invocation) -> dict[str, Any]:
    """Return the event that announces an invocation to an extension; it does not contain the function's event."""
    event: dict[str, Any] = {
        "eventType": "INVOKE",
        "deadlineMs": invocation.deadline_ms,
        "requestId": invocation.request_id,
        "invokedFunctionArn": invocation.arn,
    }
    if invocation.trace_id:
        event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id}
    return event


def shutdown_event(reason: str, deadline_ms: int) -> dict[str, Any]:
    """Return the last event of an extension."""
    return {"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason}


def extension_failed(request_id: str | None, error_type: str, reason: str) -> FunctionOutcome:
    """Return the outcome for a caller whose invocation failed because an extension exited."""
    return outcomes.failure(error_type, outcomes.with_request_id(request_id, reason))
