"""The form of a request where h11 is lenient: in its head, while it arrives, and in the framing of its body.

A request that two programs could read in different ways is refused, whatever RFC 9112 allows a server to accept.
"""

from __future__ import annotations

import re

import h11

from . import answers
from .exchange import RecordedRequest

MAX_HEAD = 1024 * 1024 + 4096  # bytes of request line and headers, as in Go; more is answered with 431
MAX_FIELDS = 1000  # header fields of a request; more are answered with 431
_MAX_CHUNK_HEAD = 16 * 1024  # bytes of the line before a chunk, with extensions
_MAX_LENGTH_FIELD = 100  # bytes of a line that declares the length of the body
_MAX_BODY = 2**30  # bytes of a body or a chunk that is read at all; every application has a lower limit
_TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(_TOKEN + rb" [\x21-\x7e]+ HTTP/[0-9]\.[0-9]\r?")
_FIELD = re.compile(_TOKEN + rb":")


class HeadCheck:
    """Check of one head, line by line; each byte is read one time, however slowly the head arrives."""

    def __init__(self) -> None:
        self.begun = False
        """Whether a byte of the head has arrived."""
        self._complete = False
        self._line = bytearray()  # the last one, which is not complete
        self._lines = 0
        self._lengths = 0

    def receive(self, data: bytes) -> None:
        """Check bytes of the request; those after the head are not looked at.

        Raises:
            RemoteProtocolError: the head is malformed, ambiguous or too long.
        """
        at = 0
        while not self._complete and at < len(data):
            self.begun = True
            end = data.find(b"\n", at)
            until = len(data) if end < 0 else end
            if self._lines:  # of a field only its beginning is needed
                until = min(until, at + _MAX_LENGTH_FIELD - len(self._line))
            self._line += data[at:until]
            if end < 0:
                return
            self._check_line(bytes(self._line))
            self._line.clear()
            at = end + 1

    def _check_line(self, line: bytes) -> None:
        self._lines += 1
        if self._lines == 1:
            if not _REQUEST_LINE.fullmatch(line):
                raise h11.RemoteProtocolError("malformed request line")
        elif line in (b"", b"\r"):
            self._complete = True
        elif line[:1] in (b" ", b"\t"):
            raise h11.RemoteProtocolError("folded header line")
        elif self._lines > MAX_FIELDS + 1:
            raise h11.RemoteProtocolError("too many header lines", error_status_hint=431)
        elif line[:15].lower() == b"content-length:":
            self._lengths += 1
            if self._lengths > 1 or b"," in line or len(line) == _MAX_LENGTH_FIELD:
                raise h11.RemoteProtocolError("several lengths")


def read_request(request: h11.Request, connection: int) -> tuple[str | None, RecordedRequest]:
    """Return the authority of a target in absolute form, else None, and the request without it.

    Raises:
        RemoteProtocolError: the request is too long, not of HTTP/1, or ambiguous.
    """
    if sum(len(name) + len(value) + 4 for name, value in request.headers) > MAX_HEAD:
        raise h11.RemoteProtocolError("headers too large", error_status_hint=431)  # h11 checks only between reads
    _check_request(request)
    authority, path = _split_target(request.target.decode("latin-1"))
    method, version = request.method.decode("ascii"), request.http_version.decode("ascii")
    headers = answers.text(request.headers.raw_items())
    return authority, RecordedRequest(method, path, version, headers, connection)


def _check_request(request: h11.Request) -> None:
    """Check a head that h11 has parsed.

    Raises:
        RemoteProtocolError: the request is not of HTTP/1, cannot be served, or has an ambiguous or huge body.
    """
    fields = dict(request.headers)
    length = fields.get(b"content-length")
    if request.http_version not in (b"1.0", b"1.1"):
        raise h11.RemoteProtocolError("unknown version of HTTP", error_status_hint=505)
    if b"transfer-encoding" in fields and (length is not None or request.http_version == b"1.0"):
        raise h11.RemoteProtocolError("ambiguous framing")
    if length is not None and int(length) > _MAX_BODY:
        raise h11.RemoteProtocolError("body too large", error_status_hint=413)
    if request.method == b"CONNECT":
        raise h11.RemoteProtocolError("not a proxy", error_status_hint=501)
    if fields.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise h11.RemoteProtocolError("unknown expectation", error_status_hint=417)


def check_chunk(connection: h11.Connection) -> None:
    """Check what has arrived of a body that is not complete.

    Raises:
        RemoteProtocolError: the line before a chunk is too long, or a chunk.
    """
    waiting = connection.trailing_data[0]
    if (len(waiting) > _MAX_CHUNK_HEAD or b"\n" in waiting) and not _FIELD.match(waiting):  # trailers may be longer
        raise h11.RemoteProtocolError("the line before a chunk is too long, or ends without a carriage return")
    # h11 does not tell the size of a chunk before all of it has arrived.
    if getattr(getattr(connection, "_reader", None), "_bytes_in_chunk", 0) > _MAX_BODY:
        raise h11.RemoteProtocolError("a chunk is too long")


def _split_target(target: str) -> tuple[str | None, str]:
    """Return the authority of a request target in absolute form, else None, and the target in origin form."""
    if not target.lower().startswith(("http://", "https://")):
        return None, target
    authority = re.split("[/?#]", target.partition("://")[2], maxsplit=1)[0]
    path = target.partition("://")[2][len(authority) :]
    return authority, path if path.startswith("/") else f"/{path}"
