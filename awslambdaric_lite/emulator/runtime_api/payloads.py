"""The JSON bodies that the platform itself writes, to the runtime and to the caller.

Key order and wording are those of the Runtime API's open server.
"""

from __future__ import annotations

import json
import re
import signal
from typing import NamedTuple

from ..config.function import MAX_PAYLOAD
from ..http.exchange import Exchange, Headers
from ..results import Answer

JSON_TYPE = "application/json"
TIMED_OUT = "Sandbox.Timedout"
_KNOWN_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")  # searched, not matched: as the server does


class Reply(NamedTuple):
    """A reply of the Runtime API to the runtime."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE


def _refusal(status: int, error_type: str, message: str) -> Reply:
    return Reply(status, _compact({"errorMessage": message, "errorType": error_type}) + b"\n")


def _compact(value: dict[str, str]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


ACCEPTED = Reply(202, b'{"status":"OK"}\n')
PONG = Reply(200, b"pong", "text/plain; charset=utf-8")
NOT_FOUND = Reply(404, b"404 page not found\n", "text/plain; charset=utf-8")
METHOD_NOT_ALLOWED = Reply(405, b"", "")
INVALID_REQUEST_ID = _refusal(400, "InvalidRequestID", "Invalid request ID")
INVALID_RESPONSE_MODE = _refusal(400, "InvalidFunctionResponseMode", "Invalid function response mode")
TRUNCATED_REQUEST = _refusal(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
STALE_INVOCATION = _refusal(410, "InvokeTimeout", "Invoke timeout")
TOO_LARGE = _refusal(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes).")
INTERNAL_ERROR = _refusal(500, "InternalServerError", "Internal Server Error")


def send(exchange: Exchange, reply: Reply) -> None:
    """Answer with a reply."""
    headers: Headers = [("Content-Type", reply.content_type)] if reply.content_type else []
    exchange.respond(reply.status, headers, reply.body)


def refused_transition(message: str) -> Reply:
    """403, for a call that is not allowed in the runtime's state."""
    return _refusal(403, "InvalidStateTransition", message)


def function_error_type(header: str) -> str:
    """The error type that the platform records for the value of `Lambda-Runtime-Function-Error-Type`."""
    if _KNOWN_ERROR_TYPE.search(header):
        return header
    return "Function.Unknown" if header.startswith("Function.") else "Runtime.Unknown"


def failure(error_type: str, message: str | None = None) -> Answer:
    """A function error that the platform words itself."""
    body = {"errorType": error_type}
    if message is not None:
        body["errorMessage"] = message
    return Answer(_compact(body), error_type=error_type)


def runtime_exited(request_id: str | None, reason: str) -> Answer:
    """The process ended without a reply."""
    return failure("Runtime.ExitError", _worded(request_id, reason))


def timed_out(request_id: str | None, timeout_s: float) -> Answer:
    """The function did not finish in time."""
    return failure(TIMED_OUT, _worded(request_id, f"Task timed out after {timeout_s:.2f} seconds"))


def invalid_entrypoint(request_id: str | None, error: OSError) -> Answer:
    """The runtime's command cannot be executed."""
    text = f"fork/exec {error.filename}: {(error.strerror or 'failed').lower()}"
    return failure("Runtime.InvalidEntrypoint", _worded(request_id, text))


def _worded(request_id: str | None, text: str) -> str:
    return f"Error: {text}" if request_id is None else f"RequestId: {request_id} Error: {text}"


def response_too_large(size: int, limit: int) -> Answer:
    """The response exceeds the limit of the invocation."""
    return failure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size ({limit} bytes).",
    )


def exit_reason(returncode: int) -> str:
    """The platform's words for how a process ended (a negative code is a signal, as `subprocess` has it)."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    name = signal.strsignal(-returncode)
    return f"Runtime exited with error: signal: {(name or f'signal {-returncode}').lower()}"
