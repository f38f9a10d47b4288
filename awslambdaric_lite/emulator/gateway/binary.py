"""The binary media types of a REST API: which bodies are base64 in events, and which results are decoded.

Source: docs apigateway/latest/developerguide/api-gateway-payload-encodings.html: a request by its Content-Type, a
response by the first media type of the request's Accept header. Without these headers it is `application/json`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..http.exchange import RecordedRequest


def sends_binary(request: RecordedRequest, types: Iterable[str]) -> bool:
    """Return whether the body of the request is binary."""
    return _is_binary(request.header("Content-Type"), types)


def accepts_binary(request: RecordedRequest, types: Iterable[str]) -> bool:
    """Return whether the response may be binary."""
    return _is_binary((request.header("Accept") or "").partition(",")[0], types)


def _is_binary(header: str | None, types: Iterable[str]) -> bool:
    media_type = (header or "").partition(";")[0].strip().lower() or "application/json"
    whole_type = f"{media_type.partition('/')[0]}/*"
    return any(each.lower() in (media_type, whole_type, "*/*") for each in types)
