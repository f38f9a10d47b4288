"""Requests whose framing is malformed or ambiguous: each gets an error and the end of its connection; none runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from awslambdaric_lite.emulator.config.function import ApiOptions
from awslambdaric_lite.emulator.extensions.router import Router
from awslambdaric_lite.emulator.http.request_form import MAX_FIELDS, HeadCheck
from awslambdaric_lite.emulator.http.server import HttpServer

from .harness import ApiServer, Client, get
from .test_http import Echo, Server
from .test_http import server as server

START = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"

BODIES = {
    "no-number": CHUNKED + b"x\r\nab\r\n0\r\n\r\n",
    "negative": CHUNKED + b"-1\r\nab\r\n0\r\n\r\n",
    "signed": CHUNKED + b"+2\r\nab\r\n0\r\n\r\n",
    "prefix": CHUNKED + b"0x2\r\nab\r\n0\r\n\r\n",
    "blank": CHUNKED + b" 2\r\nab\r\n0\r\n\r\n",
    "empty": CHUNKED + b"\r\nab\r\n0\r\n\r\n",
    "many-digits": CHUNKED + b"0" * 30 + b"2\r\nab\r\n0\r\n\r\n",
    "huge": CHUNKED + b"ffffffffffffffff\r\nab",
    "huge-without-data": CHUNKED + b"ffffffffffffffff\r\n",
    "long-line": CHUNKED + b"2;" + b"x" * 20_000,
    "long-number": CHUNKED + b"2" * 20_000,
    "no-line-end-before": CHUNKED + b"2zz\r\n0\r\n\r\n",
    "no-line-end-after": CHUNKED + b"2\r\nab0\r\n\r\n",
    "wrong-line-end-after": CHUNKED + b"2\r\nabXY0\r\n\r\n",
    "bare-line-feed": CHUNKED + b"2\nab\n0\n\n",
    "too-long-data": CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
    "trailer-without-name": CHUNKED + b"2\r\nab\r\n0\r\n: x\r\n\r\n",
    "trailer-without-colon": CHUNKED + b"2\r\nab\r\n0\r\nnonsense\r\n\r\n",
    "trailer-with-nul": CHUNKED + b"2\r\nab\r\n0\r\nX: a\0b\r\n\r\n",
}
HEADS = {
    "length-and-chunks": START + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks-and-length": START + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two-lengths": START + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "equal-lengths": START + b"Content-Length: 2\r\ncontent-length: 2\r\n\r\nab",
    "list-of-lengths": START + b"Content-Length: 2, 2\r\n\r\nab",
    "long-length": START + b"Content-Length: " + b" " * 100 + b"2\r\n\r\nab",
    "negative-length": START + b"Content-Length: -2\r\n\r\nab",
    "signed-length": START + b"Content-Length: +2\r\n\r\nab",
    "hexadecimal-length": START + b"Content-Length: 0x2\r\n\r\nab",
    "empty-length": START + b"Content-Length:\r\n\r\nab",
    "folded": START + b"X-Long: a\r\n b\r\n\r\n",
    "folded-by-tab": START + b"X-Long: a\r\n\tContent-Length: 2\r\n\r\nab",
    "folded-first": b"POST /echo HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "nul": START + b"X: a\0b\r\n\r\n",
    "nul-in-name": START + b"X\0: a\r\n\r\n",
    "carriage-return": START + b"X: a\rb\r\n\r\n",
    "blank-before-colon": START + b"Content-Length : 2\r\n\r\nab",
    "no-name": START + b": a\r\n\r\n",
    "no-colon": START + b"nonsense\r\n\r\n",
    "two-hosts": START + b"Host: other\r\n\r\n",
    "no-host": b"GET /echo HTTP/1.1\r\n\r\n",
    "two-blanks": b"GET  /echo HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tab": b"GET\t/echo HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "blank-in-target": b"GET /echo x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no-method": b"/echo HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "lower-case-version": b"GET /echo http/1.1\r\nHost: localhost\r\n\r\n",
    "no-minor-version": b"GET /echo HTTP/1\r\nHost: localhost\r\n\r\n",
    "long-version": b"GET /echo HTTP/1.10\r\nHost: localhost\r\n\r\n",
    "http-0.9": b"GET /echo\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "only-a-line-end": b"\r\n",
}
OTHER_STATUS = {
    "coding": (501, START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "identity": (501, START + b"Transfer-Encoding: identity\r\n\r\nab"),
    "unknown-coding": (501, START + b"Transfer-Encoding: xchunked\r\n\r\nab"),
    "two-codings": (501, START + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunks-of-http-1.0": (400, CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n"),
    "http-2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "http-3": (505, b"GET /echo HTTP/3.0\r\nHost: localhost\r\n\r\n"),
    "http-1.9": (505, b"GET /echo HTTP/1.9\r\nHost: localhost\r\n\r\n"),
    "proxy": (501, b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "expectation": (417, START + b"Expect: the-best\r\nContent-Length: 2\r\n\r\nab"),
    "huge-length": (413, START + b"Content-Length: 99999999999999999999\r\n\r\nab"),
    "many-fields": (431, START + b"X: a\r\n" * MAX_FIELDS + b"\r\n"),
}
ALL = {
    **{name: (400, data) for name, data in {**BODIES, **HEADS}.items()},
    **OTHER_STATUS,
}


def answer_of(address: str, data: bytes, step: int | None = None) -> bytes:
    """Send bytes, and a request behind them; return all that the server sends until it closes the connection."""
    data += b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n" if step is None else b""
    with Client(address) as client:
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(data), step or len(data)):
                client.send(data[at : at + (step or len(data))])
        answer = b""
        while part := client.socket.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize("name", ALL)
def test_malformed_request_gets_error(server: Server, name: str) -> None:
    """A malformed request gets its status and the end of the connection; neither it nor the next one is served."""
    status, data = ALL[name]
    answer = answer_of(server.server.address, data)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.lower().count(b"\r\nconnection: close\r\n") == 1
    assert b"smuggled" not in answer and answer.count(b"HTTP/1.1 ") == 1
    assert server.echo.late == []


@pytest.mark.parametrize("name", [name for name in ALL if len(ALL[name][1]) < 1000])
def test_malformed_request_in_parts_gets_the_same_error(server: Server, name: str) -> None:
    """A malformed request that arrives byte by byte gets the same status."""
    status, data = ALL[name]
    assert answer_of(server.server.address, data, 1).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("name", ["folded", "equal-lengths", "length-and-chunks", "no-line-end-after"])
def test_malformed_request_behind_another_gets_error(server: Server, name: str) -> None:
    """A pipelined request is checked as the first one is."""
    first = START + b"Content-Length: 5\r\n\r\nfirst"
    answer = answer_of(server.server.address, first + ALL[name][1])
    assert answer.startswith(b"HTTP/1.1 200 ") and b"first" in answer
    assert b"HTTP/1.1 400 " in answer and b"smuggled" not in answer


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (CHUNKED + b"2;name=value\r\nab\r\n1 \r\nc\r\n0;last\r\nX-Trailer: x\r\n\r\n", b"abc"),
        (CHUNKED + b"0000000002\r\nab\r\n0\r\n\r\n", b"ab"),
        (CHUNKED + b"2\r\nab\r\n0\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n", b"ab"),
        (START + b"X:\r\nY: \t a \t\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (START + b"X: \xe9\xff\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (START.replace(b"\r", b"") + b"Content-Length: 2\n\nab", b"ab"),
        (b"POST http://localhost/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (START + b"X: a\r\n" * (MAX_FIELDS - 3) + b"Content-Length: 2\r\n\r\nab", b"ab"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_unusual_request_is_served(server: Server, data: bytes, body: bytes, step: int) -> None:
    """What RFC 9112 allows is served: extensions, trailers, white space, any bytes in values, bare line feeds."""
    step = max(step, len(data) // 1000)
    with server.client() as client:
        for at in range(0, len(data), step):
            client.send(data[at : at + step])
        assert client.read().body == body
        assert client.ask(START + b"Content-Length: 4\r\n\r\nnext").body == b"next"


def test_head_is_checked_once() -> None:
    """The check of a head looks at each byte once, so that a head in parts takes no more time."""
    check = HeadCheck()
    check.receive(START + b"X: ")
    for _ in range(1000):
        check.receive(b"x")
        assert len(check._line) <= 100
    check.receive(b"\r\n\r\n nonsense\0")


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Yield a Runtime API."""
    running = ApiServer(ApiOptions())
    yield running
    running.close()


@pytest.mark.parametrize("name", ["negative", "huge", "no-line-end-after", "folded", "length-and-chunks", "http-2"])
@pytest.mark.parametrize(
    "target", [b"GET /2018-06-01/runtime/invocation/next ", b"POST /2018-06-01/runtime/invocation/id-1/response "]
)
def test_runtime_api_delivers_no_event_to_malformed_request(api: ApiServer, name: str, target: bytes) -> None:
    """A malformed `next` gets no event, a malformed response is not accepted, and the runtime's next poll works."""
    status, data = ALL[name]
    data = data.replace(b"POST /echo ", target).replace(b"PRI * ", target)
    assert answer_of(api.server.address, data).startswith(b"HTTP/1.1 4" if status == 400 else b"HTTP/1.1 5")
    with api.client() as client:
        client.send(get())
        api.await_next()
        api.deliver(b'"event"')
        assert client.read().body == b'"event"'


@pytest.mark.parametrize("name", ["negative", "huge", "no-line-end-after", "trailer-with-nul"])
@pytest.mark.parametrize("path", [b"/2020-01-01/extension/register", b"/2022-07-01/telemetry"])
def test_router_refuses_malformed_request(server: Server, name: str, path: bytes) -> None:
    """The APIs of extensions get no malformed request."""
    echo = Echo()
    routed = server.run(lambda: HttpServer(Router(echo, {})))
    try:
        answer = answer_of(routed.address, ALL[name][1].replace(b"/echo", path))
    finally:
        server.run(routed.close)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert echo.truncated == [path.decode()]
