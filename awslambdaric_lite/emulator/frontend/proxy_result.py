"""The result of a function as an HTTP response: the fields that function URLs and API Gateway read alike.

The front ends of AWS read results with a lenient JSON binding: a number or a boolean in the place of text becomes its
text, and the status may be a string of digits. Other results outside of the documented form are malformed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ...common.json_text import parse

Headers = list[tuple[str, str]]

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Headers of one connection only (RFC 9110, section 7.6.1).
_DROPPED = {"keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


class MalformedResponse(ValueError):
    """The function's result is not a response; the text has the reason."""


@dataclass(frozen=True)
class HttpResponse:
    """A response, or the head of a streamed one."""

    status: int
    headers: Headers
    body: bytes = b""


def read_json(text: bytes) -> Any:
    """Parse a result.

    Raises:
        MalformedResponse: it is not JSON. (The functions below raise it for values outside of the documented form.)
    """
    try:
        return parse(text)
    except ValueError as error:
        raise MalformedResponse(f"it is not JSON: {error}") from error


def read_status(value: object) -> int:
    """Return a status, also of a string of digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 3:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedResponse(f"statusCode is {json.dumps(value)}, not a number, e.g. 200")
    if not 100 <= value <= 599:
        raise MalformedResponse(f"statusCode {value} is out of range; it is 100 to 599")
    if value < HTTPStatus.OK:
        raise MalformedResponse(f"statusCode {value} cannot be that of a complete response (RFC 9110, section 15.2)")
    return value


def read_headers(given: object, renamed: Collection[str], *, several: bool = False) -> Headers:
    """Return the header lines of an object; headers of the front end are renamed.

    With `several`, it is `multiValueHeaders`, whose values are arrays.
    """
    field = "multiValueHeaders" if several else "headers"
    if not isinstance(given, dict | None):
        raise MalformedResponse(f"{field} is {_kind(given)}, not an object")
    lines: Headers = []
    for name, value in (given or {}).items():
        if value is None or (name.lower() in _DROPPED and name.lower() not in renamed):
            continue
        if not _TOKEN.fullmatch(name):
            raise MalformedResponse(f"{name!r} is not a header name")
        if several and not isinstance(value, list):
            raise MalformedResponse(f"{name} of {field} is {_kind(value)}, not an array")
        sent_as = f"x-amzn-Remapped-{name}" if name.lower() in renamed else name
        lines += [(sent_as, _header_value(name, each)) for each in (value if several else [value])]
    return lines


def with_content_type(lines: Headers, content_type: str) -> Headers:
    """Return the lines, with a content type if they have none."""
    if any(name.lower() == "content-type" for name, _ in lines):
        return lines
    return [*lines, ("Content-Type", content_type)]


def read_cookies(given: object) -> Headers:
    """Return one `Set-Cookie` for each cookie of an array."""
    if not isinstance(given, list | None):
        raise MalformedResponse(f"cookies is {_kind(given)}, not an array")
    return [("Set-Cookie", _header_value("cookies", cookie)) for cookie in given or ()]


def is_base64(value: object) -> bool:
    """Return the value of `isBase64Encoded`."""
    if value in (None, False, "false"):
        return False
    if value not in (True, "true"):
        raise MalformedResponse(f"isBase64Encoded is {json.dumps(value)}, not true or false")
    return True


def read_body(value: object, *, decode: bool) -> bytes:
    """Return the body; `decode` is whether it is base64."""
    text = "" if value is None else _text("body", value)
    if not decode:
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedResponse(f"body is not base64: {error}") from error


def _header_value(name: str, value: object) -> str:
    text = _text(name, value).strip(" \t")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedResponse(f"{name} has a lone surrogate") from error
    if _CONTROL.search(text):
        raise MalformedResponse(f"{name} has a line break or another control character")
    return text


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise MalformedResponse(f"{name} is {_kind(value)}, not text")


def _kind(value: object) -> str:
    names: dict[type, str] = {dict: "an object", list: "an array", str: "text", type(None): "null"}
    return names.get(type(value), json.dumps(value))
