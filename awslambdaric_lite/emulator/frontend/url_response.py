"""The result of a function as an HTTP response: payload format 2.0, buffered and streamed.

The front end of AWS reads results with a lenient JSON binding: a number or a boolean in the place of text becomes its
text, and the status may be a string of digits. Other results outside of the documented form get 502.
Source: docs lambda/latest/dg/urls-invocation.html.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ...common.json_text import parse

Headers = list[tuple[str, str]]

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Headers of the front end. The first ones are sent under another name, which is not documented but seen by users of
# function URLs. The others are of one connection only (RFC 9110, section 7.6.1).
_RENAMED = {"connection", "content-length", "date", "www-authenticate"}
_DROPPED = {"keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


class MalformedResponse(ValueError):
    """The function's result is not a response; the text has the reason."""


@dataclass(frozen=True)
class UrlResponse:
    """A response, or the head of a streamed one."""

    status: int
    headers: Headers
    body: bytes = b""


BAD_GATEWAY = UrlResponse(502, [("Content-Type", "application/json")], b"Internal Server Error")


def buffered_response(payload: bytes) -> UrlResponse:
    """Read a whole result: an object with `statusCode` is a response, any other JSON is the body of one.

    Raises:
        MalformedResponse: the result is not JSON, or an object with a `statusCode` and an invalid value.
    """
    result = _json(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        return UrlResponse(200, [("Content-Type", "application/json")], payload)
    headers = _headers(result, "application/json")
    return UrlResponse(_status(result["statusCode"]), headers, _body(result.get("body"), result.get("isBase64Encoded")))


def is_envelope(payload: bytes) -> bool:
    """Return whether a result is an object with `statusCode`, which only a buffered response is read from."""
    if b'"statusCode"' not in payload:
        return False
    try:
        result = parse(payload)
    except ValueError:
        return False
    return isinstance(result, dict) and "statusCode" in result


def streamed_head(metadata: bytes) -> UrlResponse:
    """Read the metadata of a streamed response; the default status is 200.

    Raises:
        MalformedResponse: the metadata is not a JSON object, or has an invalid value.
    """
    head = _json(metadata)
    if not isinstance(head, dict):
        raise MalformedResponse("the metadata of the stream is not a JSON object")
    return UrlResponse(_status(head.get("statusCode", 200)), _headers(head, "application/octet-stream"))


def plain_head(content_type: str) -> UrlResponse:
    """Return the head of a streamed response without metadata; its content type is that of the runtime."""
    return UrlResponse(200, [("Content-Type", content_type)])


def _json(text: bytes) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise MalformedResponse(f"it is not JSON: {error}") from error


def _status(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 3:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedResponse(f"statusCode is {json.dumps(value)}, not a number, e.g. 200")
    if not 100 <= value <= 599:
        raise MalformedResponse(f"statusCode {value} is out of range; it is 100 to 599")
    if value < HTTPStatus.OK:
        raise MalformedResponse(f"statusCode {value} cannot be that of a complete response (RFC 9110, section 15.2)")
    return value


def _headers(result: Mapping[str, Any], content_type: str) -> Headers:
    """Return the header fields, always with a content type, and one `Set-Cookie` for each cookie."""
    given, cookies = result.get("headers"), result.get("cookies")
    if not isinstance(given, dict | None):
        raise MalformedResponse(f"headers is {_kind(given)}, not an object")
    if not isinstance(cookies, list | None):
        raise MalformedResponse(f"cookies is {_kind(cookies)}, not an array")
    lines: Headers = []
    for name, value in (given or {}).items():
        if value is None or name.lower() in _DROPPED:
            continue
        if not _TOKEN.fullmatch(name):
            raise MalformedResponse(f"{name!r} is not a header name")
        lines.append((f"x-amzn-Remapped-{name}" if name.lower() in _RENAMED else name, _value(name, value)))
    if not any(name.lower() == "content-type" for name, _ in lines):
        lines.append(("Content-Type", content_type))
    return lines + [("Set-Cookie", _value("cookies", cookie)) for cookie in cookies or ()]


def _value(name: str, value: object) -> str:
    text = _text(name, value).strip(" \t")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedResponse(f"{name} has a lone surrogate") from error
    if _CONTROL.search(text):
        raise MalformedResponse(f"{name} has a line break or another control character")
    return text


def _body(value: object, is_base64: object) -> bytes:
    text = "" if value is None else _text("body", value)
    if is_base64 in (None, False, "false"):
        return text.encode("utf-8", "replace")
    if is_base64 not in (True, "true"):
        raise MalformedResponse(f"isBase64Encoded is {json.dumps(is_base64)}, not true or false")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedResponse(f"body is not base64: {error}") from error


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise MalformedResponse(f"{name} is {_kind(value)}, not text")


def _kind(value: object) -> str:
    names: dict[type, str] = {dict: "an object", list: "an array", str: "text", type(None): "null"}
    return names.get(type(value), json.dumps(value))
