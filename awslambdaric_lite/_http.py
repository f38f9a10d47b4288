"""HTTP/1.1 without I/O: requests rendered to bytes, responses read from bytes (RFC 9112). Imports only `_faults`.

Both body framings are read, for the Runtime API declares no length for events above 2 KB. Everything has a limit, and
what breaks the grammar is refused with the offending bytes in the message.
"""

from ._faults import ConnectionLost, ProtocolError

MAX_HEAD = 1 << 20  # bytes of status line and header lines; Go's own limit for a request head
MAX_LINE = 8 << 10  # bytes of one chunk-size line or one trailer line
MAX_BODY = 1 << 30  # bytes of a body; far above any event, below what would exhaust the largest function

_PIECE = 64 << 10  # bytes asked of the socket at once: most events fit, and the allocation stays on the heap
_HEX = frozenset(b"0123456789abcdefABCDEF")
_CHUNKED, _UNTIL_CLOSE = -1, -2  # body lengths with a meaning of their own


class Response:
    """One response: status code, header fields by lower-case name, body, and whether the connection persists."""

    __slots__ = ("body", "headers", "keep_alive", "status")

    def __init__(self, status: int, headers: "dict[str, str]", body: "bytes | bytearray", keep_alive: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive


class ResponseReader:
    """Read responses from a byte stream, however it is cut.

    The owner asks `read()`; on None it receives up to `wanted` bytes, or directly into `room()` where that is not None,
    and reports them with `feed()`, `filled()` or `end()`.
    """

    __slots__ = ("_body", "_data", "_filled", "_head", "_left", "_length", "_searched", "wanted")

    def __init__(self) -> None:
        self._data = b""  # received, not consumed
        self._searched = 0  # of which searched for the end of the head or line
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
        """Whether not one byte of a response is pending."""
        return self._head is None and not self._data

    def feed(self, data: bytes) -> None:
        """Take bytes that were received."""
        self._data = self._data + data if self._data else data

    def room(self) -> "memoryview | None":
        """The rest of a body of known length, to be received into without a copy."""
        if self._head is None or self._length < 0 or self._data:
            return None
        return memoryview(self._body)[self._filled :]

    def filled(self, count: int) -> None:
        """Take note that `count` bytes were received into `room()`."""
        self._filled += count

    def end(self) -> Response:
        """Take note that the stream ended; return the response that the end completes.

        Raises:
            ConnectionLost: the stream ended before or within a response.
        """
        if self._head is not None and self._length == _UNTIL_CLOSE:
            return self._finish(self._body)
        if self.idle:
            raise ConnectionLost("the connection was closed before a response")
        raise ConnectionLost("the connection was closed in the middle of a response")

    def read(self) -> "Response | None":
        """Return the next whole response, or None if more bytes are needed.

        Raises:
            ProtocolError: the bytes are not a response, or exceed a limit.
        """
        if self._head is None and not self._read_head():
            return None
        length = self._length
        if length >= 0:
            return self._read_sized(length)
        if length == _CHUNKED:
            return self._read_chunked()
        self._body += self._data
        self._data = b""
        if len(self._body) > MAX_BODY:
            raise ProtocolError(f"a body of more than {MAX_BODY} bytes")
        return None

    def _read_head(self) -> bool:
        while data := self._data:
            end = data.find(b"\r\n\r\n", self._searched)
            if end > MAX_HEAD or (end < 0 and len(data) > MAX_HEAD):
                raise ProtocolError(f"a response head of more than {MAX_HEAD} bytes")
            if end < 0:
                if not data.startswith(b"HTTP/1.") and not b"HTTP/1.".startswith(data[:7]):
                    raise ProtocolError(f"not an HTTP/1.1 response: {data[:60]!r}")
                self._searched = max(0, len(data) - 3)
                return False
            self._searched = 0
            self._data = data[end + 4 :]
            status, headers, keep_alive, length = parse_head(data[:end])
            if status == 101:
                raise ProtocolError("101 Switching Protocols was not asked for")
            if status >= 200:  # interim responses (RFC 9110 section 15.2) precede the one that counts
                self._head = status, headers, keep_alive
                self._length = length
                return True
        return False

    def _read_sized(self, length: int) -> "Response | None":
        data = self._data
        if not self._filled:
            if len(data) == length:
                self._data = b""
                return self._finish(data)
            if len(data) > length:
                self._data = data[length:]
                return self._finish(data[:length])
            if not self._body:
                self._body = bytearray(length)  # the rest is received in place, see room()
        if data:
            piece = data[: length - self._filled]
            self._body[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
            self._data = data[len(piece) :]
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
                    raise ProtocolError(f"a chunk is followed by {data[position : position + 20]!r}, not by CRLF")
                position += 2
                self._left = 0
            else:
                end = data.find(b"\r\n", position)
                if (end if end >= 0 else len(data)) - position > MAX_LINE:
                    raise ProtocolError(f"a chunk or trailer line of more than {MAX_LINE} bytes")
                if end < 0:
                    break
                line = data[position:end]
                position = end + 2
                if self._left == -2:
                    if not line:
                        self._data = data[position:]
                        return self._finish(body)
                    continue  # trailer fields carry nothing for a client of this API
                self._left = _chunk_size(line) or -2
                if len(body) + self._left > MAX_BODY:
                    raise ProtocolError(f"a body of more than {MAX_BODY} bytes")
        self._data = data[position:]
        self.wanted = min(max(self._left, _PIECE), 1 << 20)
        return None

    def _finish(self, body: "bytes | bytearray") -> Response:
        assert self._head is not None
        status, headers, keep_alive = self._head
        if self._filled or self._body:
            self._reset()
        else:
            self._head = None
            self._left = 0
        self.wanted = _PIECE
        return Response(status, headers, body, keep_alive)


def parse_head(head: bytes) -> "tuple[int, dict[str, str], bool, int]":
    """Parse a status line and header lines, without the empty line that ends them.

    Returns status, fields by lower-case name, whether the connection persists, and the length of the body
    (-1: chunked, -2: until the connection closes; RFC 9112 section 6.3).

    Raises:
        ProtocolError: the grammar is broken.
    """
    try:
        text = head.decode()  # field values such as the client context may hold UTF-8
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = text.split("\r\n")
    start = lines[0]
    code = start[9:12]
    numeric = len(code) == 3 and code.isascii() and code.isdigit()
    if not numeric or start[:9] not in ("HTTP/1.1 ", "HTTP/1.0 ") or start[12:13] not in (" ", ""):
        raise ProtocolError(f"not an HTTP/1.1 status line: {head[:60]!r}")
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ProtocolError(f"a bare CR, LF or NUL in a response head: {head[:200]!r}")
    headers: "dict[str, str]" = {}
    for position in range(1, breaks + 1):
        name, colon, value = lines[position].partition(":")
        if not colon or not name or " " in name or "\t" in name:
            raise ProtocolError(f"not a header line: {lines[position][:60]!r}")
        name = name.lower()
        value = value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value  # RFC 9110 section 5.3
    status = int(code)
    get = headers.get
    keep_alive = start[7] == "1"
    if "connection" in headers:
        options = [option.strip() for option in headers["connection"].lower().split(",")]
        keep_alive = "close" not in options and (keep_alive or "keep-alive" in options)
    if status < 200 or status == 204 or status == 304:
        return status, headers, keep_alive, 0
    coding = get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise ProtocolError(f"Transfer-Encoding {coding[:60]!r} is not understood, only 'chunked'")
        return status, headers, keep_alive, _CHUNKED
    declared = get("content-length")
    if declared is None:
        return status, headers, False, _UNTIL_CLOSE
    if not (declared.isascii() and declared.isdigit()):
        first, _, rest = declared.partition(",")
        if not (first.isascii() and first.isdigit()) or any(part.strip() != first for part in rest.split(",")):
            raise ProtocolError(f"Content-Length {declared[:60]!r} is not a number")
        declared = first
    if len(declared) > 15 or int(declared) > MAX_BODY:
        raise ProtocolError(f"a body of {declared[:60]} bytes; at most {MAX_BODY} are accepted")
    return status, headers, keep_alive, int(declared)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip(b" \t")  # chunk extensions carry nothing here
    if not digits or len(digits) > 12 or not _HEX.issuperset(digits):
        raise ProtocolError(f"not a chunk size: {line[:60]!r}")
    return int(digits, 16)


def request_head(method: str, target: str, host: str, fields: str = "", length: "int | None" = None) -> bytes:
    """Render a request line and header lines; `fields` are whole lines that end in CRLF."""
    declared = "" if length is None else f"Content-Length: {length}\r\n"
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}{declared}\r\n".encode("latin-1")


def path_segment(text: str) -> str:
    """Percent-encode one path segment (RFC 3986); request ids are plain in practice and returned as they are."""
    if text.isascii() and text.replace("-", "").isalnum():
        return text
    kept = "-._~"
    return "".join(chr(b) if (b < 128 and chr(b).isalnum()) or chr(b) in kept else f"%{b:02X}" for b in text.encode())
