"""What the Extensions and Telemetry APIs answer, and what the caller of a function gets when an extension fails."""

from __future__ import annotations

import json
from typing import Any

from ..http.exchange import Exchange, Headers
from ..results import Answer, Invocation
from ..runtime_api import payloads
from ..runtime_api.payloads import Reply

LOGS_NOT_SUPPORTED = Reply(202, b'{"errorMessage":"Logs API is not supported","errorType":"Logs.NotSupported"}\n')
SUBSCRIBED = Reply(200, b'"OK"', "text/plain; charset=utf-8")


def compact(value: Any) -> bytes:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def forbidden(error_type: str, message: str) -> Reply:
    """403, with what was wrong."""
    return Reply(403, compact({"errorMessage": message, "errorType": error_type}) + b"\n")


def invalid_subscription(message: str) -> Reply:
    """400, for a subscription that Lambda would not take."""
    return Reply(400, compact({"errorType": "ValidationError", "errorMessage": message}))


def invoke_event(invocation: Invocation) -> dict[str, Any]:
    """The event that tells an extension of an invocation; the function's own event is not in it."""
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
    """The last event of an extension."""
    return {"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason}


def extension_failed(request_id: str | None, error_type: str, reason: str) -> Answer:
    """What the caller gets when an extension ended that should not have."""
    prefix = "" if request_id is None else f"RequestId: {request_id} "
    return payloads.failure(error_type, f"{prefix}Error: {reason}")


def send(exchange: Exchange, reply: Reply, headers: Headers = ()) -> None:
    """Answer an exchange."""
    fields = [*headers, ("Content-Type", reply.content_type)] if reply.content_type else headers
    exchange.respond(reply.status, fields, reply.body)
