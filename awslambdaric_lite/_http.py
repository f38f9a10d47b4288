"""HTTP/1.1 without I/O: responses read from bytes (RFC 9112). Imports only `_faults`.

Both body framings are read, for the Runtime API declares no length for events above 2 KB. Everything has a limit, and
what breaks the grammar is refused with the offending bytes in the message.
"""

from ._faults import ConnectionLost, ProtocolError

MAX_HEAD = 1 << 20  # bytes of status line and header lines; Go's own limit for a request head
MAX_LINE = 8 << 10  # bytes of one chunk-size line or one trailer line
MAX_BODY = 1 << 30  # bytes of a body; far above any event, below what would exhaust the largest function

_PIECE = 64 << 10  # bytes asked of the socket at once: most events fit, and the allocation stays on the heap
_HEX = frozenset(b"0123456789abcdefABCDEF")
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_START_LINES = {"HTTP/1.1 200 OK": (200, True), "HTTP/1.1 202 Accepted": (202, True)}
_BLANK = (" ", "")
_VERSIONS = ("HTTP/1.1 ", "HTTP/1.0 ")
_USUAL = {  # names that need no further look, as Go spells them
    name: name.lower()
    for name in (
        "Content-Length",
        "Content-Type",
        "Date",
        "Lambda-Runtime-Aws-Request-Id",
        "Lambda-Runtime-Aws-Tenant-Id",
        "Lambda-Runtime-Client-Context",
        "Lambda-Runtime-Cognito-Identity",
        "Lambda-Runtime-Deadline-Ms",
        "Lambda-Runtime-Invocation-Id",
        "Lambda-Runtime-Invoked-Function-Arn",
        "Lambda-Runtime-Trace-Id",
        "Transfer-Encoding",
    )
}
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
    and hands them in with `feed()`, `filled()` or `end()`, each of which reads on.
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

    def feed(self, data: bytes) -> "Response | None":
        """Take bytes that were received."""
        self._data = self._data + data if self._data else data
        return self.read()

    def room(self) -> "memoryview | None":
        """The rest of a body of known length, to be received into without a copy."""
        if self._head is None or self._length < 0 or self._data:
            return None
        return memoryview(self._body)[self._filled :]

    def filled(self, count: int) -> "Response | None":
        """Take note that `count` bytes were received into `room()`."""
        self._filled += count
        return self.read()

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
        while self._head is None:
            data = self._data
            end = data.find(b"\r\n\r\n", self._searched)
            if end < 0 or end > MAX_HEAD:
                self._await_head(data)
                return None
            self._searched = 0
            status, headers, keep_alive, length = parse_head(data[:end])
            if status < 200:  # interim responses (RFC 9110 section 15.2) precede the one that counts
                if status == 101:
                    raise ProtocolError("101 Switching Protocols was not asked for")
                self._data = data[end + 4 :]
                continue
            if 0 <= length <= len(data) - end - 4:  # whole, as nearly always
                start = end + 4
                self._data = data[start + length :]
                return Response(status, headers, data[start : start + length], keep_alive)
            self._data = data[end + 4 :]
            self._head = status, headers, keep_alive
            self._length = length
        if self._length >= 0:
            return self._read_sized(self._length)
        if self._length == _CHUNKED:
            return self._read_chunked()
        self._body += self._data
        self._data = b""
        if len(self._body) > MAX_BODY:
            raise ProtocolError(f"a body of more than {MAX_BODY} bytes")
        return None

    def _await_head(self, data: bytes) -> None:
        if len(data) > MAX_HEAD + 3:
            raise ProtocolError(f"a response head of more than {MAX_HEAD} bytes")
        if not data.startswith(b"HTTP/1.") and not b"HTTP/1.".startswith(data[:7]):
            raise ProtocolError(f"not an HTTP/1.1 response: {data[:60]!r}")
        self._searched = max(0, len(data) - 3)

    def _read_sized(self, length: int) -> "Response | None":
        """Gather a body of known length in place; the rest of it is received into `room()`."""
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
                    raise ProtocolError(f"a chunk is followed by {data[position : position + 20]!r}, not by CRLF")
                position += 2
                self._left = 0
            else:
                end = data.find(b"\r\n", position)
                if (end if end >= 0 else len(data) - 1) - position > MAX_LINE:
                    raise ProtocolError(f"a chunk or trailer line of more than {MAX_LINE} bytes")
                if end < 0:
                    break
                line = data[position:end]
                position = end + 2
                if self._left == -2:
                    if not line:
                        self._data = data[position:]
                        return self._finish(body)
                    _unusual_fields([line.decode("latin-1")])  # trailers say nothing to this client, but must be some
                    continue
                self._left = _chunk_size(line) or -2
                if len(body) + self._left > MAX_BODY:
                    raise ProtocolError(f"a body of more than {MAX_BODY} bytes")
        self._data = data[position:]
        self.wanted = min(max(self._left, _PIECE), 1 << 20)
        return None

    def _finish(self, body: bytearray) -> Response:
        assert self._head is not None
        status, headers, keep_alive = self._head
        self._reset()
        self.wanted = _PIECE
        return Response(status, headers, body, keep_alive)


_previous: "list[bytes | tuple[int, dict[str, str], bool, int]]" = [b"", (0, {}, False, 0)]


def parse_head(head: bytes) -> "tuple[int, dict[str, str], bool, int]":
    """Parse a status line and header lines, without the empty line that ends them.

    Returns status, fields by lower-case name, whether the connection persists, and the length of the body
    (-1: chunked, -2: until the connection closes; RFC 9112 section 6.3).

    Raises:
        ProtocolError: the grammar is broken.
    """
    if head == _previous[0]:  # confirmations differ by their date only: 2.6 us, of 62 (benchmark cpu_warm)
        return _previous[1]  # type: ignore[return-value]
    try:
        text = head.decode()  # field values such as the client context may hold UTF-8
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = text.split("\r\n")
    status, keep_alive = _START_LINES.get(lines[0]) or _parse_start(lines[0])
    joined = "".join(lines)
    del lines[0]
    if "\n" in joined or "\r" in joined or "\0" in joined:
        raise ProtocolError(f"a bare CR, LF or NUL in a response head: {head[:200]!r}")
    headers: "dict[str, str]" = {}
    try:
        for line in lines:
            name, colon, value = line.partition(": ")
            headers[_USUAL[name if colon else ""]] = value.strip(" \t")
    except KeyError:
        headers.clear()
    if len(headers) != len(lines):
        headers = _unusual_fields(lines)  # checked one by one; 1.5 us more, of 62 (benchmark cpu_warm)
    length = _framing(status, headers)
    if "connection" in headers:
        options = [option.strip() for option in headers["connection"].lower().split(",")]
        keep_alive = "close" not in options and (keep_alive or "keep-alive" in options)
    parsed = status, headers, keep_alive and length != _UNTIL_CLOSE, length
    if status == 202:
        _previous[:] = head, parsed
    return parsed


def _parse_start(line: str) -> "tuple[int, bool]":
    """Parse a status line; return the status and whether connections of this version persist by default."""
    code = line[9:12]
    if (
        line[:9] not in _VERSIONS
        or not (len(code) == 3 and code.isdecimal() and code.isascii())
        or line[12:13] not in _BLANK
    ):
        raise ProtocolError(f"not an HTTP/1.1 status line: {line[:60]!r}")
    if code < "100":
        raise ProtocolError(f"{code} is not a status code: {line[:60]!r}")
    return int(code), line[7] == "1"


def _framing(status: int, headers: "dict[str, str]") -> int:
    """Return the length of a response's body, or how its end is told (RFC 9112 section 6.3)."""
    if status < 200 or status == 204 or status == 304:
        return 0
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise ProtocolError(f"Transfer-Encoding {coding[:60]!r} is not understood, only 'chunked'")
        return _CHUNKED
    declared = headers.get("content-length")
    if declared is None:
        return _UNTIL_CLOSE
    if not (declared.isascii() and declared.isdecimal()):
        first, _, rest = declared.partition(",")
        if not (first.isascii() and first.isdecimal()) or any(part.strip() != first for part in rest.split(",")):
            raise ProtocolError(f"Content-Length {declared[:60]!r} is not a number")
        declared = first
    length = int(declared) if len(declared) < 16 else MAX_BODY + 1
    if length > MAX_BODY:
        raise ProtocolError(f"a body of {declared[:60]} bytes; at most {MAX_BODY} are accepted")
    return length


def _unusual_fields(lines: "list[str]") -> "dict[str, str]":
    """Parse header lines one by one.

    Raises:
        ProtocolError: one of them is none.
    """
    headers: "dict[str, str]" = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise ProtocolError(f"not a header line: {line[:60]!r}")
        name = name.lower()
        value = value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value  # RFC 9110 section 5.3
    return headers


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip(b" \t")  # chunk extensions carry nothing here
    if not digits or len(digits) > 12 or not _HEX.issuperset(digits):
        raise ProtocolError(f"not a chunk size: {line[:60]!r}")
    return int(digits, 16)


def path_segment(text: str) -> str:
    """Percent-encode one path segment (RFC 3986 section 2.3)."""
    kept = _TOKEN - frozenset("!#$%&'*+^`|")
    return "".join(chr(byte) if chr(byte) in kept else f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
