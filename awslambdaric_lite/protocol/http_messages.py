"""HTTP/1.1 as a runtime and the Runtime API speak it: requests read from bytes, responses made of fields and a body.

Written for speed, not for strictness: a parser such as h11 takes longer for a request than a fast runtime for an
invocation, and `bench` would measure its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import NamedTuple

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BLANK = b"\r\n\r\n"
_LINE = b"\r\n"
_GO_BUFFER = 2048  # bytes; net/http, which the real server uses, sends a longer body in chunks
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """The bytes are not a request; the text shows them."""


class ParsedRequest(NamedTuple):
    """One request.

    Attributes:
        head: the request line and the header fields as they came, without the blank line.
        chunks: the parts of a chunked body.
        trailers: the fields behind a chunked body, each after a line break.
        unread: the declared length exceeds the reader's limit, so the body was not read.
    """

    method: str
    target: str
    head: bytes
    body: bytes = b""
    chunks: tuple[bytes, ...] = ()
    trailers: bytes = b""
    unread: bool = False

    def header(self, name: str) -> str | None:
        """Return the value of a header field, or else of a trailer field; None without either."""
        wanted = name.lower().encode()
        value = _field(self.head.lower(), self.head, wanted)
        if value is None and self.trailers:
            value = _field(self.trailers.lower(), self.trailers, wanted)
        return None if value is None else value.decode("latin-1")


class RequestReader:
    """Parser of the requests that one connection receives.

    Args:
        limit: bytes of a declared body above which a request is returned without it; None reads every body.
        on_chunk: receives each chunk of a chunked body as soon as it is complete.
    """

    def __init__(self, limit: int | None = None, on_chunk: Callable[[bytes], object] | None = None) -> None:
        self._limit = limit
        self._on_chunk = on_chunk
        self._buffer = bytearray()
        self._expectation_met = False
        # Of a chunked body: the place of the next chunk, and the chunks before it, so that no byte is read twice.
        self._chunk_at = 0
        self._chunks: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def awaits_continue(self) -> bool:
        """Return whether the client waits for `100 Continue` before it sends a body; true once for each request."""
        end = self._buffer.find(_BLANK)
        if self._expectation_met or end < 0 or len(self._buffer) > end + len(_BLANK):
            return False
        self._expectation_met = _field(bytes(self._buffer[:end]).lower(), bytes(self._buffer), b"expect") is not None
        return self._expectation_met

    def take(self) -> ParsedRequest | None:
        """Return the next complete request; None while bytes of it are missing.

        Raises:
            BadRequest: the bytes have no proper request line, length or chunks.
        """
        end = self._buffer.find(_BLANK)
        if end < 0:
            return None
        head = bytes(self._buffer[:end])
        method, _, rest = head.partition(_LINE)[0].decode("latin-1").partition(" ")
        target, _, version = rest.partition(" ")
        lowered = head.lower()
        start = end + len(_BLANK)
        chunks: tuple[bytes, ...] = ()
        trailers = b""
        if _field(lowered, lowered, b"transfer-encoding") == b"chunked":
            chunked = self._take_chunks(start)
            if chunked is None:
                return None
            chunks, trailers, after = chunked
            body = b"".join(chunks)
        else:
            length = _number(_field(lowered, lowered, b"content-length") or b"0", 10)
            if self._limit is not None and length > self._limit:
                return ParsedRequest(method, target, head, unread=True)
            after = start + length
            if len(self._buffer) < after:
                return None
            body = bytes(self._buffer[start:after])
        del self._buffer[:after]
        self._expectation_met = False
        if not version.startswith("HTTP/1."):
            raise BadRequest(f"not a request line: {head[:80]!r}")
        return ParsedRequest(method, target, head, body, chunks, trailers)

    def _take_chunks(self, start: int) -> tuple[tuple[bytes, ...], bytes, int] | None:
        at = self._chunk_at or start
        while (line := self._buffer.find(_LINE, at)) >= 0:
            size = _number(bytes(self._buffer[at:line]).partition(b";")[0], 16)
            if size == 0:
                # The last chunk's line and the trailers end together with a blank line.
                blank = self._buffer.find(_BLANK, line)
                if blank < 0:
                    break
                chunks, trailers = tuple(self._chunks), bytes(self._buffer[line:blank])
                self._chunk_at, self._chunks = 0, []
                return chunks, trailers, blank + len(_BLANK)
            after = line + len(_LINE) + size + len(_LINE)
            if len(self._buffer) < after:
                break
            chunk = bytes(self._buffer[line + len(_LINE) : after - len(_LINE)])
            self._chunks.append(chunk)
            self._chunk_at = at = after
            if self._on_chunk is not None:
                self._on_chunk(chunk)
        self._chunk_at = at
        return None


def render_response(
    status: int, headers: Sequence[tuple[str, str]], body: bytes, chunk_size: int | None = None
) -> bytes:
    """Return a response as bytes: up to 2048 bytes with a length, else chunked, in one chunk without `chunk_size`."""
    chunked = len(body) > _GO_BUFFER
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}", *(f"{name}: {value}" for name, value in headers)]
    lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode()
    if not chunked:
        return head + body
    step = chunk_size or len(body)
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    return b"".join([head, *(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks), b"0\r\n\r\n"])


def parse_fields(section: bytes) -> list[tuple[str, str]]:
    """Return the fields of a head or of trailers, in order and spelled as sent; the first line is skipped."""
    lines = section.decode("utf-8", "surrogateescape").split("\r\n")[1:]
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def _field(lowered: bytes, text: bytes, name: bytes) -> bytes | None:
    """Return the value of a field from `text`; `lowered` is the same text in lower case."""
    at = lowered.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    begin = at + len(name) + 3
    end = lowered.find(_LINE, begin)
    return text[begin : end if end >= 0 else len(lowered)].strip()


def _number(text: bytes, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if number < 0:
        raise BadRequest(f"not a length: {text[:80]!r}")
    return number
