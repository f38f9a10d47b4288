"""What the caller of a function gets: for a reply of the runtime, and where the platform itself has to word a failure.

Key order and wording are those of the Runtime API's open server.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import signal

from ...common.json_text import compact
from ...protocol.replies import ERROR_TYPE, JSON_TYPE
from ..http.exchange import RecordedRequest, find
from ..results import FunctionOutcome
from ..streams import StreamHead
from . import shapes, xray

STREAMING = "streaming"
TIMED_OUT = "Sandbox.Timedout"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_XRAY_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
_CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"
_ERROR_WITH_CAUSE: shapes.Shape = {"errorMessage": str, "errorType": str, "stackTrace": [str], "errorCause": object}
_KNOWN_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")  # searched, not matched: as the server does


# Replies of the runtime


def response_mode(request: RecordedRequest) -> str:
    """Return the value of the mode header, empty for an ordinary response."""
    return request.header("Lambda-Runtime-Function-Response-Mode") or ""


def stream_head(request: RecordedRequest) -> StreamHead:
    """Return what the caller of a streamed response learns before the body."""
    return StreamHead(
        request.header("Content-Type") or "application/octet-stream",
        streaming=response_mode(request) == STREAMING,
    )


def of_response(request: RecordedRequest, body: bytes, *, streamed: bool) -> FunctionOutcome:
    """Return the outcome of a response, which trailers can turn into a function error.

    Where the response was `streamed`, the caller has its body already: the error object of the trailers replaces it.
    """
    declared = {
        name.strip().lower()
        for header, names in request.headers
        if header.lower() == "trailer"
        for name in names.split(",")
    }
    trailers = tuple((name, value) for name, value in request.trailers if name.lower() in declared)  # as in Go
    error_type = find(trailers, ERROR_TYPE)
    if error_type and streamed:
        body = _decode_base64(find(trailers, _ERROR_BODY) or "")
    return FunctionOutcome(
        body,
        request.header("Content-Type") or "",
        streaming=response_mode(request) == STREAMING,
        error_type=_recorded_error_type(error_type) if error_type else None,
        trailers=trailers,
    )


def of_error(request: RecordedRequest, body: bytes, *, with_cause: bool = True) -> FunctionOutcome:
    """Return the outcome of an error that the runtime posted; the platform words one without a body.

    Managed Instances do not know the content type for a body with a cause: `with_cause` is false there.
    """
    error_type = _recorded_error_type(request.header(ERROR_TYPE) or "")
    content_type = request.header("Content-Type") or ""
    cause: str | None
    if with_cause and content_type == _CAUSE_TYPE:
        content_type = JSON_TYPE
        try:
            parts = shapes.read(body, _ERROR_WITH_CAUSE)
        except ValueError:
            return FunctionOutcome(b'"Invalid error body"', "application/octet-stream", error_type)
        given = parts.pop("errorCause")
        cause = None if given is None else xray.validated(json.dumps(given))
        if not parts["stackTrace"]:
            del parts["stackTrace"]
        body = shapes.write(parts)
    else:
        cause = xray.validated(request.header(_XRAY_CAUSE) or "")
    if not body:
        return failure(error_type)
    return FunctionOutcome(body, content_type, error_type, xray_cause=cause)


def of_init_error(request: RecordedRequest, body: bytes) -> FunctionOutcome:
    """Return what the first caller gets after a failed init."""
    error_type = _recorded_error_type(request.header(ERROR_TYPE) or "")
    if not body:
        return failure(error_type)
    return FunctionOutcome(body, JSON_TYPE if _is_json(body) else "application/octet-stream", error_type)


# Failures that the platform words


def failure(error_type: str, message: str | None = None) -> FunctionOutcome:
    """Return a function error whose text is the platform's."""
    body = {"errorType": error_type}
    if message is not None:
        body["errorMessage"] = message
    return FunctionOutcome(compact(body, ascii_only=True).encode(), error_type=error_type)


def timed_out(request_id: str | None, timeout_s: float) -> FunctionOutcome:
    """Return the error for a function that did not finish before its timeout."""
    return failure(TIMED_OUT, with_request_id(request_id, f"Task timed out after {timeout_s:.2f} seconds"))


def invalid_entrypoint(request_id: str | None, error: OSError) -> FunctionOutcome:
    """Return the error for a runtime command that cannot be executed."""
    text = f"fork/exec {error.filename}: {(error.strerror or 'failed').lower()}"
    return failure("Runtime.InvalidEntrypoint", with_request_id(request_id, text))


def response_too_large(size: int, limit: int) -> FunctionOutcome:
    """Return the error for a response that exceeds the limit of the invocation."""
    return failure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size ({limit} bytes).",
    )


def with_request_id(request_id: str | None, text: str) -> str:
    """Return an error message as the platform begins it."""
    return f"Error: {text}" if request_id is None else f"RequestId: {request_id} Error: {text}"


def exit_reason(returncode: int) -> str:
    """Return the platform's words for how a process exited (a negative code is a signal, as in `subprocess`)."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    name = signal.strsignal(-returncode)
    return f"Runtime exited with error: signal: {(name or f'signal {-returncode}').lower()}"


def _recorded_error_type(header: str) -> str:
    """Return the error type that the platform records for the value of `Lambda-Runtime-Function-Error-Type`."""
    if _KNOWN_ERROR_TYPE.search(header):
        return header
    return "Function.Unknown" if header.startswith("Function.") else "Runtime.Unknown"


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode(), validate=True)
    except binascii.Error:
        return b""


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
