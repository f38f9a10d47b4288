"""HTTP/1.1 without I/O: owns the parser of responses (RFC 9112). Imports `_function_errors` and `_http_head`.

The parser supports both body framings, because the Runtime API declares no length for events above 2 KB. Every part has
a limit. An error names the bytes that break the grammar.
"""

from . import _function_errors
from ._http_head import CHUNKED, MAX_BODY, UNTIL_CLOSE, parse_fields, parse_head, parse_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    Response = tuple[int, dict[str, str], "bytes | bytearray", bool]
    """One response: status code, header fields by lower-case name, body, and whether the connection persists."""

MAX_HEAD = 1 << 20  # bytes of status line and header lines; Go's limit for a request head
MAX_LINE = 8 << 10  # bytes of one chunk-size line or one trailer line

_PIECE = 64 << 10  # bytes to receive in one call: most events fit, and the allocation stays on the heap
_HEX = frozenset(b"0123456789abcdefABCDEF")
_UNRESERVED = frozenset("-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class ResponseReader:
    """A parser of responses in a byte stream that arrives in pieces of any size.

    The owner calls `read()`. If it returns None, the owner receives bytes and calls one of three methods, each of which
    continues parsing: `feed()` with up to `wanted` bytes, `filled()` after receiving into `room()` if that is not None,
    or `end()`.
    """

    __slots__ = (
        "_body",
        "_confirmation",
        "_confirmed",
        "_data",
        "_filled",
        "_head",
        "_left",
        "_length",
        "_searched",
        "wanted",
    )

    def __init__(self) -> None:
        self._confirmed: "bytes | tuple[()]" = ()  # the bytes of the last confirmation of a result; () begins nothing
        self._confirmation: "Response" = (0, {}, b"", False)
        self._data = b""  # received, not consumed
        self._searched = 0  # the number of bytes in which the end of the head or line is not
        self.wanted = _PIECE
        self._reset()

    def _reset(self) -> None:
        self._head: "tuple[int, dict[str, str], bool] | None" = None
        self._length = 0
        self._body = bytearray()
        self._filled = 0
        self._left = 0  # bytes of the current chunk still to come; -1: its CRLF is due, -2: trailers, 0: a size line

    @property
    def idle(self) -> bool:
        """Whether no byte of a response is pending."""
        return self._head is None and not self._data

    def feed(self, data: bytes) -> "Response | None":
        """Parse received bytes."""
        if data.startswith(self._confirmed) and self.idle:  # confirmations differ by their date only
            self._data = data[len(self._confirmed) :]
            return self._confirmation
        self._data = self._data + data if self._data else data
        return self.read()

    def room(self) -> "memoryview | None":
        """Return the rest of a body of known length, for receiving into it without a copy."""
        if self._head is None or self._length < 0 or self._data:
            return None
        return memoryview(self._body)[self._filled :]

    def filled(self, count: int) -> "Response | None":
        """Record `count` bytes written into `room()`."""
        self._filled += count
        return self.read()

    def end(self) -> "Response":
        """Record the end of the stream; return the response that the end completes.

        Raises:
            ConnectionLost: the stream ended before or within a response.
        """
        if self._head is not None and self._length == UNTIL_CLOSE:
            return self._finish(self._body)
        if self.idle:
            raise _function_errors.ConnectionLost("the connection was closed before a response")
        raise _function_errors.ConnectionLost("the connection was closed in the middle of a response")

    def read(self) -> "Response | None":
        """Return the next whole response, or None if more bytes are needed.

        Raises:
            ProtocolError: the bytes are not a response, or exceed a limit.
        """
        while self._head is None:
            data = self._data
            end = data.find(b"\r\n\r\n", self._searched)
            if end < 0 or end > MAX_HEAD:
                self._await_head(data)
                return None
            self._searched = 0
            status, headers, keep_alive, length = parse_head(data[:end])
            if status < 200:  # interim responses (RFC 9110 section 15.2) precede the final one
                if status == 101:
                    raise _function_errors.ProtocolError("unexpected 101 Switching Protocols")
                self._data = data[end + 4 :]
                continue
            if 0 <= length <= len(data) - end - 4:  # complete, as in nearly all cases
                start, after = end + 4, end + 4 + length
                response = status, headers, data[start:after], keep_alive
                self._data = data[after:]
                if status == 202 and keep_alive:
                    self._confirmed, self._confirmation = data[:after], response
                return response
            self._data = data[end + 4 :]
            self._head = status, headers, keep_alive
            self._length = length
        if self._length >= 0:
            return self._read_sized(self._length)
        if self._length == CHUNKED:
            return self._read_chunked()
        self._body += self._data
        self._data = b""
        if len(self._body) > MAX_BODY:
            raise _function_errors.ProtocolError(f"a body of more than {MAX_BODY} bytes")
        return None

    def _await_head(self, data: bytes) -> None:
        if len(data) > MAX_HEAD + 3:
            raise _function_errors.ProtocolError(f"a response head of more than {MAX_HEAD} bytes")
        if not data.startswith(b"HTTP/1.") and not b"HTTP/1.".startswith(data):
            raise _function_errors.ProtocolError(f"not an HTTP/1.1 response: {data[:60]!r}")
        # The rest of a malformed head, with its end, may never come.
        if b"\n" in data[self._searched :].replace(b"\r\n", b"").lstrip(b"\n"):
            raise _function_errors.ProtocolError(f"a bare CR, LF or NUL in a response head: {data[:200]!r}")
        start, line_end, _ = data.partition(b"\r\n")
        if line_end:
            parse_start(start.decode("latin-1"))
        self._searched = max(0, len(data) - 3)

    def _read_sized(self, length: int) -> "Response | None":
        """Collect a body of known length in place; the owner receives the rest into `room()`."""
        if not self._body:
            self._body = bytearray(length)
        if self._data:
            piece = self._data[: length - self._filled]
            self._body[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
            self._data = self._data[len(piece) :]
        return self._finish(self._body) if self._filled == length else None

    def _read_chunked(self) -> "Response | None":
        data, position, body = self._data, 0, self._body
        while True:
            if self._left > 0:
                piece = memoryview(data)[position : position + self._left]
                body += piece
                position += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._left = -1
            elif self._left == -1:
                if len(data) - position < 2:
                    break
                if data[position : position + 2] != b"\r\n":
                    found = data[position : position + 20]
                    raise _function_errors.ProtocolError(f"a chunk is followed by {found!r}, not by CRLF")
                position += 2
                self._left = 0
            else:
                end = data.find(b"\r\n", position)
                if (end if end >= 0 else len(data) - 1) - position > MAX_LINE:
                    raise _function_errors.ProtocolError(f"a chunk or trailer line of more than {MAX_LINE} bytes")
                line = data[position : end if end >= 0 else len(data)]
                if b"\n" in line:  # the end of a malformed line may never come
                    raise _function_errors.ProtocolError(f"not a chunk size or a trailer line: {line[:60]!r}")
                if end < 0:
                    break
                position = end + 2
                if self._left == -2:
                    if not line:
                        self._data = data[position:]
                        return self._finish(body)
                    parse_fields([line.decode("latin-1")])  # this client ignores trailers, but checks their grammar
                    continue
                self._left = _chunk_size(line) or -2
                if len(body) + self._left > MAX_BODY:
                    raise _function_errors.ProtocolError(f"a body of more than {MAX_BODY} bytes")
        self._data = data[position:]
        self.wanted = min(max(self._left, _PIECE), 1 << 20)
        return None

    def _finish(self, body: bytearray) -> "Response":
        assert self._head is not None
        status, headers, keep_alive = self._head
        self._reset()
        self.wanted = _PIECE
        return status, headers, body, keep_alive


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip(b" \t")  # this client ignores chunk extensions
    if not digits or len(digits) > 12 or not _HEX.issuperset(digits):
        raise _function_errors.ProtocolError(f"not a chunk size: {line[:60]!r}")
    return int(digits, 16)


def exact_bytes(data: "str | bytes") -> bytes:
    """Return the bytes of a body, whatever methods its class overrides: those that are sent have the declared length.

    Raises:
        TypeError: the body is neither text nor bytes.
    """
    return bytes.__getitem__(data, slice(None)) if issubclass(type(data), bytes) else str.encode(data)  # type: ignore


def path_segment(text: str) -> str:
    """Percent-encode one path segment (RFC 3986 section 2.3)."""
    segment = ""
    for byte in text.encode("utf-8", "replace"):
        segment += chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}"
    return segment
