"""Responses as bytes: encoded by h11, framed as by a Go server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus

import h11

from .exchange import Framing, Headers, RecordedRequest

CHUNKED = (b"Transfer-Encoding", b"chunked")
PLAIN_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
DECLARED_LENGTH_LIMIT = 2048  # bytes; a Go server declares the length of shorter bodies
_CHUNK = 32 * 1024
_CODEC = ("utf-8", "surrogateescape")  # of header values: bytes that are not UTF-8 leave as they came
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def whole(
    connection: h11.Connection,
    request: RecordedRequest,
    headers: Headers,
    body: bytes,
    framing: Framing,
    *,
    close: bool,
) -> bytes:
    """Return a whole response, with the status of the request."""
    chunked = framing == "chunked" or (framing == "auto" and len(body) > DECLARED_LENGTH_LIMIT)
    framed = CHUNKED if chunked else (b"Content-Length", b"%d" % len(body))
    out = [head(connection, request, headers, framed, close=close)]
    if has_body(request):
        view = memoryview(body)
        step = _CHUNK if chunked else max(len(body), 1)
        for at in range(0, len(body), step):
            out.append(connection.send(h11.Data(data=bytes(view[at : at + step]))) or b"")
    out.append(connection.send(h11.EndOfMessage()) or b"")
    return b"".join(out)


def head(
    connection: h11.Connection,
    request: RecordedRequest,
    headers: Headers,
    framed: tuple[bytes, bytes],
    *,
    close: bool,
) -> bytes:
    """Return the head of a response; `close` announces that it is the last one."""
    assert request.status is not None
    fields = [(name.encode(), value.encode(*_CODEC)) for name, value in headers]
    fields.append((b"Date", _date()))
    if request.status != 204:  # it has no body and no framing (RFC 9110, section 8.6)
        fields.append(framed)
    if close:
        fields.append((b"Connection", b"close"))
    response = h11.Response(status_code=request.status, headers=fields, reason=_reason(request.status))
    return connection.send(response) or b""


def has_body(request: RecordedRequest) -> bool:
    """Return whether the response to a request may have a body."""
    return request.method != "HEAD" and request.status not in (204, 304)


def last_response(status: int) -> bytes:
    """Return a response that h11 has no part in, e.g. to bytes that are not a request; it closes the connection."""
    text = phrase(status)
    return b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%s" % (text, text)


def phrase(status: int) -> bytes:
    """Return a status with its reason phrase."""
    return b"%d %s" % (status, _reason(status))


def text(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text; bytes that are not UTF-8 become surrogates."""
    return [(name.decode("ascii"), value.decode(*_CODEC)) for name, value in headers]


def _reason(status: int) -> bytes:
    return _REASONS.get(status, b"Unknown")


def _date() -> bytes:
    now = time.gmtime()  # not by strftime, which uses the locale of the process
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT"
    return f"{_DAYS[now.tm_wday]}, {now.tm_mday:02} {_MONTHS[now.tm_mon - 1]} {now.tm_year} {clock}".encode()
