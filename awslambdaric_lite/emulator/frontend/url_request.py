"""An HTTP request to a function URL, as an event of payload format 2.0."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ...events import function_url
from ...events.shared import as_json
from ..http.exchange import RecordedRequest

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
_SOURCE_IP = "127.0.0.1"  # the HTTP server does not know it; by default it listens on loopback


def url_event(request: RecordedRequest, body: bytes, *, request_id: str, trace_id: str, region: str) -> bytes:
    """Return the event.

    Raises:
        ValueError: the method is invalid, or the target is not a path.
    """
    event = function_url(
        request.method,
        _origin_form(request.path),
        headers=[*_passed_on(request), *_forwarded(request, trace_id)],
        body=body,
        source_ip=_SOURCE_IP,
        protocol=f"HTTP/{request.http_version}",
        request_id=request_id,
        region=region,
    )
    return as_json(event).encode()


def _origin_form(target: str) -> str:
    """Return path and query, also of an absolute target as sent to proxies (RFC 9112, section 3.2.2)."""
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    if absolute is None:
        return target
    return absolute[1] if absolute[1].startswith("/") else f"/{absolute[1]}"


def _passed_on(request: RecordedRequest) -> list[tuple[str, str]]:
    named = {
        name.strip().lower()
        for key, value in request.headers
        if key.lower() == "connection"
        for name in value.split(",")
    }
    return [(name, _readable(value)) for name, value in request.headers if name.lower() not in _NOT_PASSED_ON | named]


def _readable(value: str) -> str:
    """Return the value, read as Latin-1 if it is not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def _forwarded(request: RecordedRequest, trace_id: str) -> list[tuple[str, str]]:
    """Return the forwarding headers; the addresses of earlier proxies come before the client's."""
    earlier = [value for name, value in request.headers if name.lower() == "x-forwarded-for"]
    return [
        ("X-Amzn-Trace-Id", trace_id),
        ("X-Forwarded-For", ", ".join([*earlier, _SOURCE_IP])),
        ("X-Forwarded-Port", str(_port(request.header("Host") or ""))),
        ("X-Forwarded-Proto", "http"),
    ]


def _port(host: str) -> int:
    try:
        return urlsplit(f"//{host}").port or 80
    except ValueError:
        return 80
