"""Heads of HTTP/1.1 responses: owns the parser of status lines and header fields (RFC 9112 sections 4 to 6).

From one invocation to the next the heads of the Runtime API differ in a few lines. Lines that were equal in the two
previous heads are not parsed again.
"""

from . import _function_errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Head = tuple[int, dict[str, str], bool, int]
    """Status, fields by lower-case name, whether the connection persists, and the length of the body, see below."""

MAX_BODY = 1 << 30  # bytes of a body; far above any event, below the memory of the largest function
CHUNKED, UNTIL_CLOSE, _UNKNOWN = -1, -2, -3  # lengths with a special meaning

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_EVENT, _REQUEST_ID = "HTTP/1.1 200 OK", "lambda-runtime-aws-request-id"
_START_LINES = {_EVENT: (200, True), "HTTP/1.1 202 Accepted": (202, True)}
_BLANK = (" ", "")
_SINGLE = ("lambda-runtime-", "content-type")
_VERSIONS = ("HTTP/1.1 ", "HTTP/1.0 ")
_KNOWN_FIELDS = {  # names as Go spells them, which need no further check
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
_previous_lines: "set[str]" = set()  # of the previous event's head
# The lines that the previous two heads have in common, their fields, and the length of the body if they contain it.
_header_cache: "tuple[set[str], dict[str, str], int]" = (set(), {}, 0)


def reset_caches() -> None:
    """Forget the previous heads; tests call this."""
    global _previous_lines, _header_cache
    _previous_lines, _header_cache = set(), (set(), {}, 0)


def parse_head(head: bytes) -> "Head":
    """Parse a status line and header lines, without the empty line that ends them.

    Returns status, fields by lower-case name, whether the connection persists, and the length of the body
    (-1: chunked, -2: until the connection closes; RFC 9112 section 6.3).

    Raises:
        ProtocolError: the head breaks the grammar.
    """
    try:
        text = head.decode()  # field values such as the client context may hold UTF-8
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = text.split("\r\n")
    known, fields, length = _header_cache
    distinct = set(lines)
    new = distinct - known
    # All cached lines are in this head, and the new ones hold no control characters: 8 % fewer instructions (guard).
    if known and len(new) + len(known) == len(distinct) and not _holds_control("".join(new)):
        headers = _parse_known_fields(fields.copy(), new)
        if len(headers) == len(lines) - 1:
            if length == _UNKNOWN or "transfer-encoding" in headers:  # which outweighs a Content-Length
                length = _framing(200, headers)
            return 200, headers, length != UNTIL_CLOSE, length
    return _parse(lines, head)


def _parse(lines: "list[str]", head: bytes) -> "Head":
    start = lines[0]
    status, keep_alive = _START_LINES.get(start) or parse_start(start)
    if _holds_control("".join(lines)):
        raise _function_errors.ProtocolError(f"a bare CR, LF or NUL in a response head: {head[:200]!r}")
    headers = parse_fields(lines[1:])
    length = _framing(status, headers)
    if "connection" in headers:
        options = [option.strip(" \t") for option in headers["connection"].lower().split(",")]
        keep_alive = "close" not in options and (keep_alive or "keep-alive" in options)
    elif start == _EVENT and _REQUEST_ID in headers:
        _remember(lines, length)
    return status, headers, keep_alive and length != UNTIL_CLOSE, length


def _remember(lines: "list[str]", length: int) -> None:
    """Cache the lines that an event's head has in common with the previous one; `length` is that of its body."""
    global _previous_lines, _header_cache
    distinct = set(lines)
    known = distinct & _previous_lines
    _previous_lines = distinct
    if lines[0] in known:
        fields = _parse_known_fields({}, known - {lines[0]})
        declared = fields.get("content-length", "")
        _header_cache = known, fields, length if declared.isdecimal() and declared == str(length) else _UNKNOWN


def _holds_control(text: str) -> bool:
    return "\n" in text or "\r" in text or "\0" in text


def parse_fields(lines: "list[str]") -> "dict[str, str]":
    """Parse header lines, or trailers.

    Raises:
        ProtocolError: a line is not a header line.
    """
    headers = _parse_known_fields({}, lines)
    return headers if len(headers) == len(lines) else _parse_other_fields(lines)


def _parse_known_fields(headers: "dict[str, str]", lines: "Iterable[str]") -> "dict[str, str]":
    """Add the fields of lines; return no field if the name of one is not known."""
    try:
        for line in lines:
            name, colon, value = line.partition(": ")
            headers[_KNOWN_FIELDS[name if colon else ""]] = value.strip(" \t")
    except KeyError:
        headers.clear()
    return headers


def _parse_other_fields(lines: "list[str]") -> "dict[str, str]":
    headers: "dict[str, str]" = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise _function_errors.ProtocolError(f"not a header line: {line[:60]!r}")
        name = name.lower()
        value = value.strip(" \t")
        if name not in headers:
            headers[name] = value
        elif not name.startswith(_SINGLE):  # of these the first one counts, as in the official client
            headers[name] += f", {value}"  # RFC 9110 section 5.3
    return headers


def parse_start(line: str) -> "tuple[int, bool]":
    """Parse a status line; return the status and whether connections of this version persist by default."""
    code = line[9:12]
    if (
        line[:9] not in _VERSIONS
        or not (len(code) == 3 and code.isdecimal() and code.isascii())
        or line[12:13] not in _BLANK
    ):
        raise _function_errors.ProtocolError(f"not an HTTP/1.1 status line: {line[:60]!r}")
    if code < "100":
        raise _function_errors.ProtocolError(f"{code} is not a status code: {line[:60]!r}")
    return int(code), line[7] == "1"


def _framing(status: int, headers: "dict[str, str]") -> int:
    """Return the length of a response's body, or the way its end is marked (RFC 9112 section 6.3)."""
    if status < 200 or status == 204 or status == 304:
        return 0
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise _function_errors.ProtocolError(f"Transfer-Encoding {coding[:60]!r} is not supported, only 'chunked'")
        return CHUNKED
    declared = headers.get("content-length")
    if declared is None:
        return UNTIL_CLOSE
    if not (declared.isascii() and declared.isdecimal()):
        first, _, rest = declared.partition(",")
        if not (first.isascii() and first.isdecimal()) or any(part.strip(" \t") != first for part in rest.split(",")):
            raise _function_errors.ProtocolError(f"Content-Length {declared[:60]!r} is not a number")
        declared = first
    length = int(declared) if len(declared) < 16 else MAX_BODY + 1
    if length > MAX_BODY:
        raise _function_errors.ProtocolError(f"a body of {declared[:60]} bytes; at most {MAX_BODY} are accepted")
    return length
