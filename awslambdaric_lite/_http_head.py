"""Heads of HTTP/1.1 responses: status line and header fields (RFC 9112 sections 4 to 6).

From one invocation to the next the heads of the Runtime API differ in a few lines. Those that were the same in the two
heads before are not looked into again.
"""

from . import _function_errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Head = tuple[int, dict[str, str], bool, int]
    """Status, fields by lower-case name, whether the connection persists, and the length of the body, as below."""

MAX_BODY = 1 << 30  # bytes of a body; far above any event, below what would exhaust the largest function
CHUNKED, UNTIL_CLOSE, _UNKNOWN = -1, -2, -3  # lengths of bodies with a meaning of their own

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_EVENT, _REQUEST_ID = "HTTP/1.1 200 OK", "lambda-runtime-aws-request-id"
_START_LINES = {_EVENT: (200, True), "HTTP/1.1 202 Accepted": (202, True)}
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
_last: "set[str]" = set()  # the lines of the last event's head
# Those of the last two: the lines, their fields, and the length of the body if they tell it.
_recurring: "tuple[set[str], dict[str, str], int]" = (set(), {}, 0)


def parse_head(head: bytes) -> "Head":
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
    known, fields, length = _recurring
    distinct = set(lines)
    new = distinct - known
    # All those that recurred are among them, and the others are harmless: 9 thousand instructions less.
    if known and len(new) + len(known) == len(distinct) and not _holds_control("".join(new)):
        headers = _with_usual_fields(fields.copy(), new)
        if len(headers) == len(lines) - 1:
            if length == _UNKNOWN or "transfer-encoding" in headers:  # which outweighs a Content-Length
                length = _framing(200, headers)
            return 200, headers, length != UNTIL_CLOSE, length
    return _parse(lines, head)


def _parse(lines: "list[str]", head: bytes) -> "Head":
    start = lines[0]
    status, keep_alive = _START_LINES.get(start) or _parse_start(start)
    if _holds_control("".join(lines)):
        raise _function_errors.ProtocolError(f"a bare CR, LF or NUL in a response head: {head[:200]!r}")
    headers = parse_fields(lines[1:])
    length = _framing(status, headers)
    if "connection" in headers:
        options = [option.strip() for option in headers["connection"].lower().split(",")]
        keep_alive = "close" not in options and (keep_alive or "keep-alive" in options)
    elif start == _EVENT and _REQUEST_ID in headers:
        _remember(lines)
    return status, headers, keep_alive and length != UNTIL_CLOSE, length


def _remember(lines: "list[str]") -> None:
    """Find out which lines of an event's head are those of the one before."""
    global _last, _recurring
    distinct = set(lines)
    known = distinct & _last
    _last = distinct
    if lines[0] in known:
        fields = _with_usual_fields({}, known - {lines[0]})
        _recurring = known, fields, _framing(200, fields) if "content-length" in fields else _UNKNOWN


def _holds_control(text: str) -> bool:
    return "\n" in text or "\r" in text or "\0" in text


def parse_fields(lines: "list[str]") -> "dict[str, str]":
    """Parse header lines, or trailers.

    Raises:
        ProtocolError: one of them is none.
    """
    headers = _with_usual_fields({}, lines)
    return headers if len(headers) == len(lines) else _parse_unusual_fields(lines)


def _with_usual_fields(headers: "dict[str, str]", lines: "Iterable[str]") -> "dict[str, str]":
    """Add what some lines say, nothing at all if one of them is not as usual."""
    try:
        for line in lines:
            name, colon, value = line.partition(": ")
            headers[_USUAL[name if colon else ""]] = value.strip(" \t")
    except KeyError:
        headers.clear()
    return headers


def _parse_unusual_fields(lines: "list[str]") -> "dict[str, str]":
    headers: "dict[str, str]" = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise _function_errors.ProtocolError(f"not a header line: {line[:60]!r}")
        name = name.lower()
        value = value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value  # RFC 9110 section 5.3
    return headers


def _parse_start(line: str) -> "tuple[int, bool]":
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
    """Return the length of a response's body, or how its end is told (RFC 9112 section 6.3)."""
    if status < 200 or status == 204 or status == 304:
        return 0
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise _function_errors.ProtocolError(f"Transfer-Encoding {coding[:60]!r} is not understood, only 'chunked'")
        return CHUNKED
    declared = headers.get("content-length")
    if declared is None:
        return UNTIL_CLOSE
    if not (declared.isascii() and declared.isdecimal()):
        first, _, rest = declared.partition(",")
        if not (first.isascii() and first.isdecimal()) or any(part.strip() != first for part in rest.split(",")):
            raise _function_errors.ProtocolError(f"Content-Length {declared[:60]!r} is not a number")
        declared = first
    length = int(declared) if len(declared) < 16 else MAX_BODY + 1
    if length > MAX_BODY:
        raise _function_errors.ProtocolError(f"a body of {declared[:60]} bytes; at most {MAX_BODY} are accepted")
    return length
