"""A function URL that streams, with real processes behind it. What comes first is shown by who waits for whom."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.frontend.url_cors import Cors
from awslambdaric_lite.emulator.http.exchange import Exchange
from awslambdaric_lite.emulator.streams import ResponseStream

from .function_url import STREAMING_RUNTIME, WAIT, WAIT_FOR, ServedUrl, await_file
from .harness import Client

Serve = Callable[..., ServedUrl]

WITH_PRELUDE = "\nhandler.content_type = 'application/vnd.awslambda.http-integration-response'\n"


@pytest.fixture
def serve(write_handler: Callable[[str], Path]) -> Serve:
    """Serve the source of a handler that streams."""

    def make(source: str, *, cors: Cors | None = None, **settings: Any) -> ServedUrl:
        function = FunctionConfig(
            "app.handler",
            write_handler(WAIT_FOR + source),
            **{"runtime": STREAMING_RUNTIME, "timeout_s": WAIT, **settings},
        )
        return ServedUrl(function, invoke_mode="RESPONSE_STREAM", cors=cors)

    return make


def read_all(client: Client) -> bytes:
    """Everything up to the end of the connection."""
    received = b""
    while data := client.socket.recv(65536):
        received += data
    return received


def when_free(url: ServedUrl, target: str = "/") -> urllib3.BaseHTTPResponse:
    """Ask again until the environment, which still runs an invocation whose caller has its answer, is free."""
    deadline = time.monotonic() + WAIT
    while (answer := url.request("GET", target)).status == 429:
        assert time.monotonic() < deadline, "the environment never became free"
    return answer


def test_the_first_byte_leaves_at_once(serve: Serve, tmp_path: Path) -> None:
    """The second chunk is made only after the first one has been read; the content type is that of the POST."""
    source = """
def handler(event, headers):
    yield b"first"
    wait_for("first was read")
    yield b"second"
handler.content_type = "text/x-log"
"""
    with serve(source, cors=Cors(allow_origins=["*"])) as url:
        answer = url.stream()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/x-log")
        assert answer.headers["x-amzn-RequestId"] and answer.headers["Vary"] == "Origin"
        assert answer.read(5) == b"first"
        (tmp_path / "first was read").touch()
        assert answer.read() == b"second"


def test_the_prelude_leaves_at_once(serve: Serve, tmp_path: Path) -> None:
    """Status, headers and cookies arrive before the function has made any payload, however it writes the prelude."""
    source = """
PRELUDE = b'{"statusCode":201,"headers":{"Content-Type":"text/plain","X-Tag":"a"},"cookies":["a=1","b=2"]}' + bytes(8)
def handler(event, headers):
    for byte in PRELUDE:
        yield bytes([byte])
    wait_for("head was read")
    yield b"payload"
    yield b"\\0" * 8
"""
    with serve(source + WITH_PRELUDE) as url:
        answer = url.stream()
        assert (answer.status, answer.headers["Content-Type"], answer.headers["X-Tag"]) == (201, "text/plain", "a")
        assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
        (tmp_path / "head was read").touch()
        assert answer.read() == b"payload" + bytes(8)


def test_prelude_and_payload_in_one_chunk(serve: Serve) -> None:
    """Nothing of the payload is lost, and connections are used again."""
    source = "def handler(event, headers):\n    yield b'{}' + bytes(8) + event['rawPath'].encode()\n    yield b'!'\n"
    with serve(source + WITH_PRELUDE) as url, Client(url.server.address) as client:
        for path in ("/1", "/2"):
            reply = client.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (reply.status, reply.body) == (200, path.encode() + b"!")
            assert reply.headers["content-type"] == "application/octet-stream"


def test_an_ordinary_response_is_passed_on_as_it_is(serve: Serve, socket_runtime: list[str]) -> None:
    """A buffered envelope is not interpreted here."""
    with serve("def handler(event, headers):\n    return {'statusCode': 404}", runtime=socket_runtime) as url:
        answer = url.request("GET")
    assert (answer.status, answer.json()) == (200, {"statusCode": 404})


def test_an_empty_stream(serve: Serve) -> None:
    """No chunk, or no payload after the prelude: a complete answer without a body."""
    source = "def handler(event, headers):\n    if event['rawPath'] == '/prelude':\n        yield b'{}' + bytes(8)\n"
    with serve(source) as url:
        assert (url.request("GET").status, url.request("GET").data) == (200, b"")
    with serve(source + WITH_PRELUDE) as url:
        assert url.request("GET", "/prelude").data == b""
        assert url.request("GET").status == 502


def test_what_ends_in_a_bad_gateway(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """An error or an exit before the first byte, and preludes that are none; the environment goes on after those."""
    source = """
PARTS = {
    "/metadata": [b'{"statusCode":99}' + bytes(8)], "/nuls": [b"{}" + bytes(7), b"payload"], "/end": [b"{}"],
    "/large": [b"{" + b" " * 20000], "/good": [b"{}" + bytes(8)],
}
def handler(event, headers):
    if event["rawPath"] == "/exit":
        os._exit(1)
    for part in PARTS[event["rawPath"]]:
        yield part
    for _ in range(40):
        yield bytes(65536)
"""
    with serve(source + WITH_PRELUDE, concurrency=1) as url, caplog.at_level(logging.WARNING):
        for path in ("/metadata", "/nuls", "/large", "/exception", "/exit"):
            answer = url.request("GET", path)
            assert (answer.status, answer.data) == (502, b"Internal Server Error"), path
            assert len(when_free(url, "/good").data) == 40 * 65536
    assert len(caplog.records) == 3


@pytest.mark.parametrize("ending", ["raise ValueError", "os._exit(1)", "wait_for('never')"])
@pytest.mark.parametrize("prelude", [False, True])
def test_an_error_in_the_middle_cuts_the_connection(serve: Serve, ending: str, prelude: bool) -> None:
    """What came before arrives, and then no end: the caller can tell. An exception, an exit, a time-out."""
    source = f"def handler(event, headers):\n    yield b'{{}}' + bytes(8) + b'first'\n    {ending}\n    yield b''\n"
    with serve(source + WITH_PRELUDE * prelude, timeout_s=0.5 if "never" in ending else WAIT) as url:
        answer = url.stream()
        assert answer.status == 200
        with pytest.raises(urllib3.exceptions.ProtocolError):
            answer.read()
        with Client(url.server.address) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            received = read_all(client)
    assert received.endswith(b"first\r\n")


def test_a_slow_reader_holds_the_function_back(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While the caller does not read, the runtime is asked to wait; afterwards nothing is missing."""
    source = """
def handler(event, headers):
    for number in range(320):
        yield bytes([number % 256]) * 16384
"""
    total = 320 * 16384
    unread: set[Exchange] = set()
    held = threading.Event()
    sizes: list[int] = []
    drained, feed = Exchange.drained, ResponseStream.feed

    async def watched_drained(exchange: Exchange) -> None:
        unread.add(exchange)
        await drained(exchange)
        unread.discard(exchange)

    def watched_feed(stream: ResponseStream, data: bytes) -> bool:
        more = feed(stream, data)
        if not more and unread:  # the reply waits for its reader, and the runtime for the reply
            sizes.append(stream.size)
            held.set()
        return more

    monkeypatch.setattr(Exchange, "drained", watched_drained)
    monkeypatch.setattr(ResponseStream, "feed", watched_feed)
    with serve(source) as url, socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(WAIT)
        caller.connect((url.server.host, url.server.port))
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert held.wait(WAIT), "the runtime was never held back"
        assert sizes[0] < total
        received = b"".join(iter(lambda: caller.recv(65536), b""))
    body = received.partition(b"\r\n\r\n")[2]
    assert body == b"".join(bytes([number % 256]) * 16384 for number in range(320))


def test_a_caller_who_goes_away(serve: Serve, tmp_path: Path) -> None:
    """The function is not told: it runs to its end, and its environment takes the next request."""
    source = """
def handler(event, headers):
    yield b"%d" % os.getpid()
    wait_for("the caller has gone")
    for _ in range(60):
        yield bytes(65536)
    open("end", "w").close()
"""
    with serve(source, concurrency=1) as url:
        answer = url.stream()
        pid = answer.read(1)
        answer.close()
        (tmp_path / "the caller has gone").touch()
        await_file(tmp_path / "end")
        body = when_free(url).data
        assert body.startswith(pid) and len(body) > 60 * 65536
        assert sum(line.startswith("INIT_START") for line in url.lines) == 1


def test_old_clients_and_head_requests(serve: Serve) -> None:
    """HTTP/1.0 gets plain bytes up to the end of the connection; HEAD, and statuses without a body, get the head."""
    source = """
def handler(event, headers):
    yield b'{"statusCode":%d,"headers":{"X-Tag":"a"}}' % int(event["rawPath"][1:]) + bytes(8) + b"first"
    yield b"second"
"""
    with serve(source + WITH_PRELUDE) as url:
        with Client(url.server.address) as client:
            reply = client.ask(b"GET /200 HTTP/1.0\r\n\r\n")
            assert reply.body == b"firstsecond"
            assert "transfer-encoding" not in reply.headers
        for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304)):
            answer = url.request(method, f"/{status}")
            assert (answer.status, answer.data, answer.headers["X-Tag"]) == (status, b"", "a")


def test_throttling(serve: Serve) -> None:
    """429 while another stream is under way."""
    with serve("def handler(event, headers):\n    yield b'first'\n    wait_for('never')\n", concurrency=1) as url:
        first = url.stream()
        assert first.read(5) == b"first"
        refused = url.request("GET")
        assert (refused.status, refused.json()["Type"]) == (429, "User")
        first.close()


def test_closing_cuts_streams(serve: Serve) -> None:
    """A stream that is under way when the local Lambda is closed does not look complete; later requests get 503."""
    with serve("def handler(event, headers):\n    yield b'first'\n    wait_for('never')\n") as url:
        answer = url.stream()
        assert answer.read(5) == b"first"
        url.run(url.host.close)
        with pytest.raises(urllib3.exceptions.ProtocolError):
            answer.read()
        refused = url.request("GET")
        assert (refused.status, json.loads(refused.data)["Type"]) == (503, "Service")
