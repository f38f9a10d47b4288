"""The result of a function as a response of its URL: payload format 2.0, buffered and streamed.

Results outside of the documented form get 502.
Source: docs lambda/latest/dg/urls-invocation.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...common.json_text import parse
from .proxy_result import (
    Headers,
    HttpResponse,
    MalformedResponse,
    is_base64,
    read_body,
    read_cookies,
    read_headers,
    read_json,
    read_status,
    with_content_type,
)

# Headers of the front end, which are sent under another name. It is not documented, but seen by users of function URLs.
_RENAMED = {"connection", "content-length", "date", "www-authenticate"}

BAD_GATEWAY = HttpResponse(502, [("Content-Type", "application/json")], b"Internal Server Error")


def buffered_response(payload: bytes) -> HttpResponse:
    """Read a whole result: an object with `statusCode` is a response, any other JSON is the body of one.

    Raises:
        MalformedResponse: the result is not JSON, or an object with a `statusCode` and an invalid value.
    """
    result = read_json(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        return HttpResponse(200, [("Content-Type", "application/json")], payload)
    headers = _headers(result, "application/json")
    status, decode = read_status(result["statusCode"]), is_base64(result.get("isBase64Encoded"))
    return HttpResponse(status, headers, read_body(result.get("body"), decode=decode))


def is_envelope(payload: bytes) -> bool:
    """Return whether a result is an object with `statusCode`, which only a buffered response is read from."""
    if b'"statusCode"' not in payload:
        return False
    try:
        result = parse(payload)
    except ValueError:
        return False
    return isinstance(result, dict) and "statusCode" in result


def streamed_head(metadata: bytes) -> HttpResponse:
    """Read the metadata of a streamed response; the default status is 200.

    Raises:
        MalformedResponse: the metadata is not a JSON object, or has an invalid value.
    """
    head = read_json(metadata)
    if not isinstance(head, dict):
        raise MalformedResponse("the metadata of the stream is not a JSON object")
    return HttpResponse(read_status(head.get("statusCode", 200)), _headers(head, "application/octet-stream"))


def plain_head(content_type: str) -> HttpResponse:
    """Return the head of a streamed response without metadata; its content type is that of the runtime."""
    return HttpResponse(200, [("Content-Type", content_type)])


def _headers(result: Mapping[str, Any], content_type: str) -> Headers:
    """Return the header fields, always with a content type, and one `Set-Cookie` for each cookie."""
    lines = with_content_type(read_headers(result.get("headers"), _RENAMED), content_type)
    return lines + read_cookies(result.get("cookies"))
