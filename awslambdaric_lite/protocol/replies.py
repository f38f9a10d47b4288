"""What the Runtime API sends: the head of an event, and its replies to all other requests.

Key order and wording are those of the Runtime API's open server.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..common.json_text import compact
from ..common.quotas import MAX_PAYLOAD

JSON_TYPE = "application/json"
ATTEMPT_ID = "Lambda-Runtime-Invocation-Id"
ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_TEXT_TYPE = "text/plain; charset=utf-8"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Reply(NamedTuple):
    """A reply of the Runtime API to the runtime."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields, without those of the framing."""
        return [("Content-Type", self.content_type)] if self.content_type else []


def refusal(status: int, error_type: str, message: str) -> Reply:
    """Return a reply whose body has an error type and a message."""
    body = compact({"errorMessage": message, "errorType": error_type})
    return Reply(status, body.encode("utf-8", "backslashreplace") + b"\n")


def refused_transition(message: str) -> Reply:
    """Return the reply to a request that the runtime's state does not allow."""
    return refusal(403, "InvalidStateTransition", message)


ACCEPTED = Reply(202, b'{"status":"OK"}\n')
PONG = Reply(200, b"pong", _TEXT_TYPE)
NOT_FOUND = Reply(404, b"404 page not found\n", _TEXT_TYPE)
METHOD_NOT_ALLOWED = Reply(405, b"", "")
INVALID_REQUEST_ID = refusal(400, "InvalidRequestID", "Invalid request ID")
INVALID_RESPONSE_MODE = refusal(400, "InvalidFunctionResponseMode", "Invalid function response mode")
TRUNCATED_REQUEST = refusal(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
STALE_INVOCATION = refusal(410, "InvokeTimeout", "Invoke timeout")
TOO_LARGE = refusal(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes).")
INTERNAL_ERROR = refusal(500, "InternalServerError", "Internal Server Error")


def event_headers(
    request_id: str,
    deadline_ms: int,
    arn: str,
    *,
    content_type: str = JSON_TYPE,
    trace_id: str | None = None,
    client_context: str | None = None,
    cognito_identity: str | None = None,
    tenant_id: str | None = None,
    attempt_id: str | None = None,
) -> list[tuple[str, str]]:
    """Return the header fields of the reply to `next`, without those of the framing; None leaves a field out."""
    optional = (
        ("Lambda-Runtime-Trace-Id", trace_id),
        ("Lambda-Runtime-Client-Context", client_context),
        ("Lambda-Runtime-Cognito-Identity", cognito_identity),
        ("Lambda-Runtime-Aws-Tenant-Id", tenant_id),
        (ATTEMPT_ID, attempt_id),
    )
    return [
        ("Content-Type", content_type),
        ("Lambda-Runtime-Aws-Request-Id", request_id),
        ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", arn),
        # A line break would end the header: it becomes a blank, as in Go.
        *((name, _CONTROL.sub(" ", value).strip()) for name, value in optional if value is not None),
    ]
