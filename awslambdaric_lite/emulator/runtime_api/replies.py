"""What a caller gets of a runtime's reply."""

from __future__ import annotations

import base64
import binascii
import json

from ..http.exchange import RecordedRequest, find
from ..results import Answer
from ..streams import StreamHead
from . import payloads, shapes, xray
from .payloads import JSON_TYPE

STREAMING = "streaming"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_XRAY_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
_CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"
_ERROR_WITH_CAUSE: shapes.Shape = {"errorMessage": str, "errorType": str, "stackTrace": [str], "errorCause": object}


def response_mode(request: RecordedRequest) -> str:
    """The value of the mode header, empty for an ordinary response."""
    return request.header("Lambda-Runtime-Function-Response-Mode") or ""


def stream_head(request: RecordedRequest) -> StreamHead:
    """What a caller who streams learns before the body."""
    return StreamHead(
        request.header("Content-Type") or "application/octet-stream",
        streaming=response_mode(request) == STREAMING,
    )


def response(request: RecordedRequest, body: bytes, *, or_details: bool) -> Answer:
    """The answer of a response, which trailers make a function error.

    `or_details` puts the error object of the trailers into the place of the body, for a caller who has had that already
    because it was streamed.
    """
    declared = {
        name.strip().lower()
        for header, names in request.headers
        if header.lower() == "trailer"
        for name in names.split(",")
    }
    trailers = tuple((name, value) for name, value in request.trailers if name.lower() in declared)  # as in Go
    error_type = find(trailers, _ERROR_TYPE)
    if error_type and or_details:
        body = _decoded(find(trailers, _ERROR_BODY) or "")
    return Answer(
        body,
        request.header("Content-Type") or "",
        streaming=response_mode(request) == STREAMING,
        error_type=payloads.function_error_type(error_type) if error_type else None,
        trailers=trailers,
    )


def error(request: RecordedRequest, body: bytes, *, with_cause: bool = True) -> Answer:
    """The answer of an error post; an empty one is worded by the platform.

    `with_cause` says whether the content type that allows for a cause in the body is known.
    """
    error_type = payloads.function_error_type(request.header(_ERROR_TYPE) or "")
    content_type = request.header("Content-Type") or ""
    cause: str | None
    if with_cause and content_type == _CAUSE_TYPE:
        content_type = JSON_TYPE
        try:
            parts = shapes.read(body, _ERROR_WITH_CAUSE)
        except ValueError:
            return Answer(b'"Invalid error body"', "application/octet-stream", error_type)
        given = parts.pop("errorCause")
        cause = None if given is None else xray.validated(json.dumps(given))
        if not parts["stackTrace"]:
            del parts["stackTrace"]
        body = shapes.write(parts)
    else:
        cause = xray.validated(request.header(_XRAY_CAUSE) or "")
    if not body:
        return payloads.failure(error_type)
    return Answer(body, content_type, error_type, xray_cause=cause)


def init_error(request: RecordedRequest, body: bytes) -> Answer:
    """The answer that the first caller gets after a failed init."""
    error_type = payloads.function_error_type(request.header(_ERROR_TYPE) or "")
    if not body:
        return payloads.failure(error_type)
    return Answer(body, JSON_TYPE if _is_json(body) else "application/octet-stream", error_type)


def _decoded(details: str) -> bytes:
    try:
        return base64.b64decode(details.encode(), validate=True)
    except binascii.Error:
        return b""


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
