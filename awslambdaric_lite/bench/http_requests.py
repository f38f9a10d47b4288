"""Requests of a runtime client, taken from the bytes of a connection. No I/O.

Written for the clock, not for strictness: a parser such as h11 takes longer for a request than a fast runtime for an
invocation, and its time would be in what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

_BLANK = b"\r\n\r\n"
_LINE = b"\r\n"


class BadRequest(Exception):
    """The bytes are not a request; the text shows them."""


@dataclass(frozen=True)
class Request:
    """One request: method and target, the head as it came (without the blank line), the body, the trailer section."""

    method: bytes
    target: bytes
    head: bytes
    body: bytes
    trailers: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        """The value of a header or trailer field, None if there is none; `name` in lower case."""
        value = _field(self.head.lower(), self.head, name)
        return value if value is not None or not self.trailers else _field(self.trailers.lower(), self.trailers, name)


class RequestReader:
    """Turns what a connection receives into requests."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._expectation_met = False
        # Of a chunked body: where the next chunk begins, and the content so far, so that no byte is looked at twice.
        self._chunk_at = 0
        self._content: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take over received bytes."""
        self._buffer += data

    def awaits_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends a body; true once for each request."""
        end = self._buffer.find(_BLANK)
        if self._expectation_met or end < 0 or len(self._buffer) > end + len(_BLANK):
            return False
        self._expectation_met = _field(bytes(self._buffer[:end]).lower(), bytes(self._buffer), b"expect") is not None
        return self._expectation_met

    def take(self) -> Request | None:
        """The next complete request; None while bytes of it are missing.

        Raises:
            BadRequest: it has no proper request line, length or chunks.
        """
        end = self._buffer.find(_BLANK)
        if end < 0:
            return None
        head = bytes(self._buffer[:end])
        lowered = head.lower()
        start = end + len(_BLANK)
        trailers = b""
        if _field(lowered, lowered, b"transfer-encoding") == b"chunked":
            chunked = self._take_chunks(start)
            if chunked is None:
                return None
            body, trailers, after = chunked
        else:
            after = start + _number(_field(lowered, lowered, b"content-length") or b"0", 10)
            if len(self._buffer) < after:
                return None
            body = bytes(self._buffer[start:after])
        del self._buffer[:after]
        self._expectation_met = False
        method, _, rest = head.partition(_LINE)[0].partition(b" ")
        target, _, version = rest.partition(b" ")
        if not version.startswith(b"HTTP/1."):
            raise BadRequest(f"no request line: {head[:80]!r}")
        return Request(method, target, head, body, trailers)

    def _take_chunks(self, start: int) -> tuple[bytes, bytes, int] | None:
        at = self._chunk_at or start
        while (line := self._buffer.find(_LINE, at)) >= 0:
            size = _number(bytes(self._buffer[at:line]).partition(b";")[0], 16)
            if size == 0:
                # The last chunk's line and the trailers end together with a blank line.
                blank = self._buffer.find(_BLANK, line)
                if blank < 0:
                    break
                body, trailers = b"".join(self._content), bytes(self._buffer[line:blank])
                self._chunk_at, self._content = 0, []
                return body, trailers, blank + len(_BLANK)
            after = line + len(_LINE) + size + len(_LINE)
            if len(self._buffer) < after:
                break
            self._content.append(bytes(self._buffer[line + len(_LINE) : after - len(_LINE)]))
            at = after
        self._chunk_at = at
        return None


def _field(lowered: bytes, text: bytes, name: bytes) -> bytes | None:
    """The value as it stands in `text`, found in the same text in lower case."""
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
        raise BadRequest(f"no length: {text[:80]!r}")
    return number
