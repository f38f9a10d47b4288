"""A client's request as front ends forward it: its path, and its header lines."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from ..http.exchange import RecordedRequest

SOURCE_IP = "127.0.0.1"  # the HTTP server does not know it; by default it listens on loopback

# Headers of one connection only (RFC 9110, section 7.6.1), and those that the front end sets from the connection.
_NOT_PASSED_ON = {
    "connection",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
}
_ABSOLUTE_FORM = re.compile(r"(?i:https?)://[^/?]*(.*)")


def origin_form(target: str) -> str:
    """Return path and query, also of an absolute target as sent to proxies (RFC 9112, section 3.2.2)."""
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    if absolute is None:
        return target
    return absolute[1] if absolute[1].startswith("/") else f"/{absolute[1]}"


def forwarded_lines(request: RecordedRequest, trace_id: str, dropped: Collection[str] = ()) -> list[tuple[str, str]]:
    """Return the client's header lines without those of its connection and those of `dropped`, and the added ones."""
    named = {
        name.strip().lower()
        for key, value in request.headers
        if key.lower() == "connection"
        for name in value.split(",")
    }
    left_out = {*_NOT_PASSED_ON, *named, *dropped}
    passed_on = [(name, _readable(value)) for name, value in request.headers if name.lower() not in left_out]
    return [*passed_on, *_added(request, trace_id)]


def caller_trace_id(request: RecordedRequest) -> str | None:
    """Return the caller's trace header, or None if it is missing or invalid."""
    given = request.header("X-Amzn-Trace-Id")
    return given if given is not None and given.isascii() else None  # as in the Lambda API


def _readable(value: str) -> str:
    """Return the value, read as Latin-1 if it is not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def _added(request: RecordedRequest, trace_id: str) -> list[tuple[str, str]]:
    """Return the forwarding headers; the addresses of earlier proxies come before the client's."""
    earlier = [value for name, value in request.headers if name.lower() == "x-forwarded-for"]
    return [
        ("X-Amzn-Trace-Id", trace_id),
        ("X-Forwarded-For", ", ".join([*earlier, SOURCE_IP])),
        ("X-Forwarded-Port", str(_port(request.header("Host") or ""))),
        ("X-Forwarded-Proto", "http"),
    ]


def _port(host: str) -> int:
    try:
        return urlsplit(f"//{host}").port or 80
    except ValueError:
        return 80
