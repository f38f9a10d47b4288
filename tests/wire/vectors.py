"""Responses as bytes, and the result that a client must give (RFC 9112, RFC 9110).

`test_response_vectors.py` feeds them in several ways.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expected:
    """One response as the reader must report it; `headers` has the fields that the vector tests."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    keep_alive: bool = True


@dataclass(frozen=True)
class Whole:
    """Bytes that hold whole responses.

    Attributes:
        parts: the responses with interim ones; between two of them the reader holds no bytes.
        closed: whether the end of the stream ends the last body.
    """

    name: str
    parts: tuple[bytes, ...]
    responses: tuple[Expected, ...]
    closed: bool = False

    @property
    def data(self) -> bytes:
        """All bytes of the vector."""
        return b"".join(self.parts)

    @property
    def starts(self) -> frozenset[int]:
        """Positions at which a response starts."""
        return frozenset(sum(map(len, self.parts[:count])) for count in range(len(self.parts)))


@dataclass(frozen=True)
class Broken:
    """Bytes that are not a response: the error says `reason` and shows `offending`."""

    name: str
    data: bytes
    reason: str
    offending: bytes


def one(name: str, *parts: bytes, closed: bool = False, **expected: object) -> Whole:
    """Return a vector of a single response, and of interim ones before it."""
    return Whole(name, parts, (Expected(**expected),), closed)  # type: ignore[arg-type]


def head(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Return a response head with these lines."""
    return b"\r\n".join((start, *lines, b"", b""))


NEXT = (
    head(
        b"Content-Type: application/json",
        b"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        b"Lambda-Runtime-Deadline-Ms: 1542409706888",
        b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f",
        b"Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
        b"Date: Sat, 17 Nov 2018 10:01:46 GMT",
        b"Content-Length: 11",
    )
    + b'{"key": 42}'
)
ACCEPTED = (
    head(b"Content-Type: application/json", b"Content-Length: 16", start=b"HTTP/1.1 202 Accepted")
    + b'{"status":"OK"}\n'
)
CHUNKED = head(b"Transfer-Encoding: chunked")

WHOLE = [
    one(
        "an event as the API sends it",
        NEXT,
        body=b'{"key": 42}',
        headers={"lambda-runtime-deadline-ms": "1542409706888"},
    ),
    one("a reply's status as the API sends it", ACCEPTED, status=202, body=b'{"status":"OK"}\n'),
    Whole("two in one packet", (ACCEPTED, NEXT), (Expected(202, b'{"status":"OK"}\n'), Expected(200, b'{"key": 42}'))),
    one("an empty body", head(b"Content-Length: 0")),
    one("a body of one byte", head(b"Content-Length: 1") + b"x", body=b"x"),
    one(
        "a body that looks like a head",
        head(b"Content-Length: 19") + b"HTTP/1.1 200 OK\r\n\r\n",
        body=b"HTTP/1.1 200 OK\r\n\r\n",
    ),
    one("a length with leading zeros", head(b"Content-Length: 0003") + b"abc", body=b"abc"),
    one("the same length twice", head(b"Content-Length: 3", b"Content-Length: 3") + b"abc", body=b"abc"),
    one("the same length twice in one field", head(b"Content-Length: 3, 3") + b"abc", body=b"abc"),
    # Chunked
    one("one chunk", CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", body=b"abc"),
    one("no chunk", CHUNKED + b"0\r\n\r\n"),
    one("several chunks", CHUNKED + b"3\r\nabc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n", body=b"abcdef"),
    one("a size in upper-case hexadecimal", CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", body=b"0123456789"),
    one("a size in lower-case hexadecimal", CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n", body=b"0123456789"),
    one("a size with leading zeros", CHUNKED + b"003\r\nabc\r\n000\r\n\r\n", body=b"abc"),
    one("a chunk extension", CHUNKED + b'3;name="value;1"\r\nabc\r\n0;last\r\n\r\n', body=b"abc"),
    one("a blank before a chunk extension", CHUNKED + b"3 ;a\r\nabc\r\n0\t;b\r\n\r\n", body=b"abc"),
    one("CRLF within a chunk", CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\n\r\n", body=b"\r\n\r\n"),
    one("trailers", CHUNKED + b"1\r\na\r\n0\r\nExpires: never\r\nX: y\r\n\r\n", body=b"a"),
    one("a coding in upper case", head(b"TRANSFER-ENCODING: CHUNKED") + b"1\r\na\r\n0\r\n\r\n", body=b"a"),
    one(
        "chunked overrides a length",
        head(b"Content-Length: 99", b"Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n\r\n",
        body=b"a",
    ),
    Whole(
        "chunked, then sized, then chunked",
        (
            CHUNKED + b"1\r\na\r\n0\r\n\r\n",
            head(b"Content-Length: 1") + b"b",
            CHUNKED + b"1\r\nc\r\n0\r\nT: t\r\n\r\n",
        ),
        (Expected(body=b"a"), Expected(body=b"b"), Expected(body=b"c")),
    ),
    # Until the connection closes
    one("no length: until the connection closes", head() + b"abc", body=b"abc", keep_alive=False, closed=True),
    one("no length and nothing more", head(), keep_alive=False, closed=True),
    one("HTTP/1.0 until close", head(start=b"HTTP/1.0 200 OK") + b"abc", body=b"abc", keep_alive=False, closed=True),
    # Statuses without a body
    one("204", head(start=b"HTTP/1.1 204 No Content"), status=204),
    one("204 with a length", head(b"Content-Length: 5", start=b"HTTP/1.1 204 No Content"), status=204),
    one("304 with a coding", head(b"Transfer-Encoding: chunked", start=b"HTTP/1.1 304 Not Modified"), status=304),
    # Interim responses
    one(
        "100 before the response", head(start=b"HTTP/1.1 100 Continue"), ACCEPTED, status=202, body=b'{"status":"OK"}\n'
    ),
    one(
        "several interim responses with fields",
        head(b"Link: </a>", start=b"HTTP/1.1 103 Early Hints"),
        head(b"Content-Length: 9", start=b"HTTP/1.1 102 Processing"),
        NEXT,
        body=b'{"key": 42}',
    ),
    one(
        "interim responses with lengths that no body may have",
        head(b"Transfer-Encoding: gzip", start=b"HTTP/1.1 199 Odd"),
        head(b"Content-Length: abc", start=b"HTTP/1.1 100 Continue"),
        NEXT,
        body=b'{"key": 42}',
    ),
    # Whether the connection persists
    one("Connection: close", head(b"Connection: close", b"Content-Length: 1") + b"x", body=b"x", keep_alive=False),
    one("Connection: Close among others", head(b"Connection: foo , Close", b"Content-Length: 0"), keep_alive=False),
    one(
        "Connection in two lines",
        head(b"Connection: foo", b"Connection: close", b"Content-Length: 0"),
        keep_alive=False,
    ),
    one("Connection: keep-alive", head(b"Connection: keep-alive", b"Content-Length: 0")),
    one(
        "HTTP/1.0 does not persist",
        head(b"Content-Length: 1", start=b"HTTP/1.0 200 OK") + b"x",
        body=b"x",
        keep_alive=False,
    ),
    one(
        "HTTP/1.0 that persists",
        head(b"Connection: Keep-Alive", b"Content-Length: 1", start=b"HTTP/1.0 200 OK") + b"x",
        body=b"x",
        keep_alive=True,
    ),
    # Status lines
    one("no reason phrase", head(b"Content-Length: 0", start=b"HTTP/1.1 200 ")),
    one("no reason phrase nor blank", head(b"Content-Length: 0", start=b"HTTP/1.1 200")),
    one("a reason phrase beyond ASCII", head(b"Content-Length: 0", start=b"HTTP/1.1 404 M\xf6\xf6p"), status=404),
    one("an unassigned status", head(b"Content-Length: 0", start=b"HTTP/1.1 599 Odd"), status=599),
    # Fields
    one("no blank behind the colon", head(b"A:b", b"Content-Length:0"), headers={"a": "b"}),
    one("blanks around a value", head(b"A: \t b c \t", b"Content-Length:  0 "), headers={"a": "b c"}),
    one(
        "an empty value",
        head(b"Lambda-Runtime-Trace-Id:", b"Content-Length: 0"),
        headers={"lambda-runtime-trace-id": ""},
    ),
    one("colons in a value", head(b"A: b:c::", b"Content-Length: 0"), headers={"a": "b:c::"}),
    one("a repeated field", head(b"A: b", b"a: c", b"Content-Length: 0"), headers={"a": "b, c"}),
    one(
        "repeated fields of an event, of which the first one counts",
        head(
            b"Lambda-Runtime-Aws-Request-Id: a",
            b"Content-Type: text/plain",
            b"lambda-runtime-aws-request-id: b",
            b"Content-Type: application/json",
            b"Content-Length: 0",
        ),
        headers={"lambda-runtime-aws-request-id": "a", "content-type": "text/plain"},
    ),
    one(
        "every character of a name",
        head(b"!#$%&'*+-.^_`|~09AZaz: 1", b"Content-Length: 0"),
        headers={"!#$%&'*+-.^_`|~09azaz": "1"},
    ),
    one("UTF-8 in a value", head(b"A: \xc3\xa9\xe2\x82\xac", b"Content-Length: 0"), headers={"a": "é€"}),
    one("ISO 8859-1 in a value", head(b"A: \xe9", b"Content-Length: 0"), headers={"a": "é"}),
    one(
        "a no-break space is kept",
        head(b"Lambda-Runtime-Client-Context: \xc2\xa0x\xc2\xa0", b"Content-Length: 0"),
        headers={"lambda-runtime-client-context": "\xa0x\xa0"},
    ),
]

BROKEN = [
    # Status lines
    Broken("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "HTTP/1.1", b"SSH-2.0-OpenSSH_9.6"),
    Broken("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x50", "HTTP/1.1", b"\x15\x03\x01\x00\x02\x02\x50"),
    Broken("HTTP/2", head(start=b"HTTP/2 200"), "HTTP/1.1", b"HTTP/2 200"),
    Broken("HTTP/1.2", head(start=b"HTTP/1.2 200 OK"), "HTTP/1.1", b"HTTP/1.2 200 OK"),
    Broken("lower case", head(start=b"http/1.1 200 OK"), "HTTP/1.1", b"http/1.1 200 OK"),
    Broken("an empty line first", b"\r\n" + NEXT, "status line", b"''"),
    Broken("a NUL first", b"\0" + NEXT, "status line", b"\0HTTP/1.1 200 OK"),
    Broken("two NULs first", b"\0\0" + NEXT, "status line", b"\0\0HTTP/1.1 200 OK"),
    Broken("nothing but a NUL", b"\0", "not an HTTP/1.1 response", b"\0"),
    Broken("NULs between line ends", b"\0\r\n\r\n", "status line", b"\0"),
    Broken("a blank first", b" " + NEXT, "status line", b" HTTP/1.1 200 OK"),
    Broken("a byte order mark first", b"\xef\xbb\xbf" + NEXT, "status line", b"HTTP/1.1 200 OK"),
    Broken("a NUL in the version", b"HTTP/1.\0001 200 OK\r\n\r\n", "status line", b"HTTP/1.\0001 200 OK"),
    Broken("a malformed status line in a head without end", b"HTTP/1.1 2OO OK\r\n", "status line", b"HTTP/1.1 2OO OK"),
    Broken("lines that end with LF only", NEXT.replace(b"\r\n", b"\n"), "bare CR, LF or NUL", b"200 OK\n"),
    Broken("a header line that ends with LF only", b"HTTP/1.1 200 OK\r\nA: b\n", "bare CR, LF or NUL", b"A: b\n"),
    Broken("a status of two digits", head(start=b"HTTP/1.1 20 OK"), "status line", b"HTTP/1.1 20 OK"),
    Broken("a status of four digits", head(start=b"HTTP/1.1 2000 OK"), "status line", b"HTTP/1.1 2000 OK"),
    Broken("a status that is not a number", head(start=b"HTTP/1.1 abc OK"), "status line", b"HTTP/1.1 abc OK"),
    Broken(
        "a status in other digits",
        head(start="HTTP/1.1 \uff12\uff10\uff10 OK".encode()),
        "status line",
        "HTTP/1.1 \uff12".encode(),
    ),
    Broken("a status below 100", head(b"Content-Length: 0", start=b"HTTP/1.1 099 Odd"), "status code", b"HTTP/1.1 099"),
    Broken("two blanks before the status", head(start=b"HTTP/1.1  200 OK"), "status line", b"HTTP/1.1  200 OK"),
    Broken(
        "a tab behind the status",
        head(b"Content-Length: 0", start=b"HTTP/1.1 200\tOK"),
        "status line",
        b"HTTP/1.1 200\tOK",
    ),
    Broken("nothing but the version", head(start=b"HTTP/1.1"), "status line", b"HTTP/1.1"),
    Broken("101", head(b"Upgrade: h2c", start=b"HTTP/1.1 101 Switching Protocols"), "101 Switching Protocols", b"101"),
    # Field lines
    Broken(
        "a line without a colon", head(b"Content-Length: 0", b"no colon here"), "not a header line", b"no colon here"
    ),
    Broken("a known name without a colon", head(b"Content-Length: 0", b"Date"), "not a header line", b"Date"),
    Broken("a line without a name", head(b": value"), "not a header line", b": value"),
    Broken("a blank before the colon", head(b"Content-Length : 0"), "not a header line", b"Content-Length : 0"),
    Broken("a tab before the colon", head(b"Content-Length\t: 0"), "not a header line", b"Content-Length\\t: 0"),
    Broken("a blank in a name", head(b"Content Length: 0"), "not a header line", b"Content Length: 0"),
    Broken("a folded line", head(b"A: b", b" c", b"Content-Length: 0"), "not a header line", b" c"),
    Broken(
        "a folded line that looks like a field",
        head(b"A: b", b" Date: c", b"Content-Length: 0"),
        "not a header line",
        b" Date: c",
    ),
    Broken("a name beyond ASCII", head(b"\xc3\xa9: 1"), "not a header line", "é: 1".encode()),
    Broken("a delimiter in a name", head(b"a(b): 1"), "not a header line", b"a(b): 1"),
    Broken("a control character in a name", head(b"a\x01b: 1"), "not a header line", b"a\x01b: 1"),
    Broken("a bare LF", head(b"A: b\nC: d", b"Content-Length: 0"), "bare CR, LF or NUL", b"A: b\nC: d"),
    Broken("a bare CR", head(b"A: b\rC: d", b"Content-Length: 0"), "bare CR, LF or NUL", b"A: b\rC: d"),
    Broken("a NUL", head(b"A: b\0c", b"Content-Length: 0"), "bare CR, LF or NUL", b"A: b\0c"),
    Broken("a bare LF in the status line", b"HTTP/1.1 200 OK\nA: b\r\n\r\n", "bare CR, LF or NUL", b"200 OK\nA: b"),
    # Lengths
    Broken("a length that is not a number", head(b"Content-Length: abc"), "Content-Length", b"'abc'"),
    Broken("an empty length", head(b"Content-Length:"), "Content-Length", b"''"),
    Broken("a negative length", head(b"Content-Length: -1"), "Content-Length", b"'-1'"),
    Broken("a length with a sign", head(b"Content-Length: +1"), "Content-Length", b"'+1'"),
    Broken("a hexadecimal length", head(b"Content-Length: 0x10"), "Content-Length", b"'0x10'"),
    Broken("a length with an underscore", head(b"Content-Length: 1_0"), "Content-Length", b"'1_0'"),
    Broken("a length in other digits", head("Content-Length: \uff11".encode()), "Content-Length", "'\uff11'".encode()),
    Broken("a superscript length", head("Content-Length: ²".encode()), "Content-Length", "'²'".encode()),
    Broken("two lengths", head(b"Content-Length: 1", b"Content-Length: 2"), "Content-Length", b"'1, 2'"),
    Broken("two lengths in one field", head(b"Content-Length: 1,2"), "Content-Length", b"'1,2'"),
    Broken("a length and one with a separator", head(b"Content-Length: 1, 1\x1e"), "Content-Length", b"'1, 1\\x1e'"),
    Broken("a length and nothing", head(b"Content-Length: 1,"), "Content-Length", b"'1,'"),
    Broken("a length above the limit", head(b"Content-Length: 1073741825"), "1073741824", b"1073741825"),
    Broken("a length above every limit", head(b"Content-Length: " + b"9" * 5000), "1073741824", b"9" * 60),
    # Codings
    Broken("a coding of another kind", head(b"Transfer-Encoding: gzip"), "Transfer-Encoding", b"'gzip'"),
    Broken("two codings", head(b"Transfer-Encoding: gzip, chunked"), "Transfer-Encoding", b"'gzip, chunked'"),
    Broken(
        "chunked twice",
        head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        "Transfer-Encoding",
        b"'chunked, chunked'",
    ),
    Broken("an empty coding", head(b"Transfer-Encoding:"), "Transfer-Encoding", b"''"),
    Broken("identity", head(b"Transfer-Encoding: identity"), "Transfer-Encoding", b"'identity'"),
    # Chunks
    Broken("a chunk size that is not a number", CHUNKED + b"xyz\r\n", "not a chunk size", b"xyz"),
    Broken("an empty chunk size", CHUNKED + b"\r\n", "not a chunk size", b"b''"),
    Broken("nothing but an extension", CHUNKED + b";a=b\r\n", "not a chunk size", b";a=b"),
    Broken("a chunk size with a sign", CHUNKED + b"+1\r\na\r\n", "not a chunk size", b"+1"),
    Broken("a negative chunk size", CHUNKED + b"-1\r\na\r\n", "not a chunk size", b"-1"),
    Broken("a chunk size with a prefix", CHUNKED + b"0x1\r\na\r\n", "not a chunk size", b"0x1"),
    Broken("a chunk size with an underscore", CHUNKED + b"1_0\r\n", "not a chunk size", b"1_0"),
    Broken("a blank before a chunk size", CHUNKED + b" 1\r\na\r\n", "not a chunk size", b" 1"),
    Broken(
        "a chunk size of thirteen digits", CHUNKED + b"0000000000001\r\na\r\n", "not a chunk size", b"0000000000001"
    ),
    Broken("a chunk size with a bare LF", CHUNKED + b"1\na\r\n", "not a chunk size", b"1\na"),
    Broken("a chunk extension with a bare LF", CHUNKED + b"1;a=b\nc\r\na\r\n", "not a chunk size", b"1;a=b\nc"),
    Broken(
        "a trailer with a bare LF",
        CHUNKED + b"0\r\nA: b\nC: d\r\n\r\n",
        "not a chunk size or a trailer line",
        b"A: b\nC: d",
    ),
    Broken("chunk lines that end with LF only", CHUNKED + b"1\na\n0\n\n", "not a chunk size", b"1\na\n0\n\n"),
    Broken("a chunk above the limit", CHUNKED + b"40000001\r\n", "1073741824", b"1073741824"),
    Broken("a chunk longer than declared", CHUNKED + b"1\r\nabc\r\n0\r\n\r\n", "not by CRLF", b"bc\r\n0"),
    Broken("a chunk without CRLF", CHUNKED + b"1\r\na0\r\n\r\n", "not by CRLF", b"0\r\n"),
    Broken("a chunk without CRLF, and nothing more", CHUNKED + b"1\r\naXY", "not by CRLF", b"XY"),
    Broken("a chunk with a bare LF behind it", CHUNKED + b"1\r\na\n0\n\n", "not by CRLF", b"\n0"),
    Broken(
        "a trailer line without a colon", CHUNKED + b"0\r\nno colon here\r\n\r\n", "not a header line", b"no colon here"
    ),
]
