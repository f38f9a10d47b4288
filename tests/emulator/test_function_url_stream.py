"""A function URL in streaming mode, with real processes; files that the test creates control the order."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import urllib3

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.frontend.url_cors import Cors

from .function_url import WAIT_FOR, ServedUrl
from .harness import Client
from .runtimes import STREAMING_RUNTIME
from .waiting import WAIT, wait_until

Serve = Callable[..., ServedUrl]

WITH_PRELUDE = "\nhandler.content_type = 'application/vnd.awslambda.http-integration-response'\n"


@pytest.fixture
def serve(write_handler: Callable[[str], Path]) -> Serve:
    """Return a function that serves the source of a handler that streams."""

    def make(source: str, *, cors: Cors | None = None, **settings: Any) -> ServedUrl:
        function = FunctionConfig(
            "app.handler",
            write_handler(WAIT_FOR + source),
            **{"runtime": STREAMING_RUNTIME, "timeout_s": WAIT, **settings},
        )
        return ServedUrl(function, invoke_mode="RESPONSE_STREAM", cors=cors)

    return make


def read_all(client: Client) -> bytes:
    """Read until the connection ends."""
    received = b""
    while data := client.socket.recv(65536):
        received += data
    return received


def when_free(url: ServedUrl, target: str = "/") -> urllib3.BaseHTTPResponse:
    """Repeat the request until the environment has completed the previous invocation."""
    deadline = time.monotonic() + WAIT
    while (answer := url.request("GET", target)).status == 429:
        assert time.monotonic() < deadline, "the environment never became free"
    return answer


def test_first_chunk_is_sent_immediately(serve: Serve, tmp_path: Path) -> None:
    """The first chunk is sent before the second one exists; the content type is that of the runtime's POST."""
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


def test_prelude_is_sent_before_payload(serve: Serve, tmp_path: Path) -> None:
    """Status, headers and cookies are sent before the function yields payload, even if it yields single bytes."""
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


def test_payload_after_prelude_is_kept(serve: Serve) -> None:
    """Payload in the same chunk as the prelude is kept, and the connection is reused."""
    source = "def handler(event, headers):\n    yield b'{}' + bytes(8) + event['rawPath'].encode()\n    yield b'!'\n"
    with serve(source + WITH_PRELUDE) as url, Client(url.server.address) as client:
        for path in ("/1", "/2"):
            reply = client.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert (reply.status, reply.body) == (200, path.encode() + b"!")
            assert reply.headers["content-type"] == "application/octet-stream"


def test_buffered_result_is_not_mapped(serve: Serve, socket_runtime: list[str]) -> None:
    """In streaming mode a buffered result is sent as it is, without mapping."""
    with serve("def handler(event, headers):\n    return {'statusCode': 404}", runtime=socket_runtime) as url:
        answer = url.request("GET")
    assert (answer.status, answer.json()) == (200, {"statusCode": 404})


def test_empty_stream_has_empty_body(serve: Serve) -> None:
    """An empty stream, or an empty payload after the prelude, is a complete response without a body."""
    source = "def handler(event, headers):\n    if event['rawPath'] == '/prelude':\n        yield b'{}' + bytes(8)\n"
    with serve(source) as url:
        assert (url.request("GET").status, url.request("GET").data) == (200, b"")
    with serve(source + WITH_PRELUDE) as url:
        assert url.request("GET", "/prelude").data == b""
        assert url.request("GET").status == 502


def test_failure_before_payload_is_bad_gateway(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """An error or exit before the first byte, and a malformed prelude, are answered with 502."""
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
def test_error_during_stream_truncates_response(serve: Serve, ending: str, prelude: bool) -> None:
    """An exception, an exit or a timeout during a stream truncates the response."""
    source = f"def handler(event, headers):\n    yield b'{{}}' + bytes(8) + b'first'\n    {ending}\n    yield b''\n"
    with serve(source + WITH_PRELUDE * prelude, timeout_s=0.5 if "never" in ending else WAIT) as url:
        answer = url.stream()
        assert answer.status == 200
        with pytest.raises(urllib3.exceptions.ProtocolError):
            answer.read()
        with Client(url.server.address) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = read_all(client)
    assert received.endswith(b"first\r\n")


def test_slow_reader_pauses_runtime(serve: Serve, paused_at: SimpleQueue[int]) -> None:
    """A client that does not read pauses the runtime, and no byte is lost."""
    source = """
def handler(event, headers):
    for number in range(320):
        yield bytes([number % 256]) * 16384
"""
    total = 320 * 16384
    with serve(source) as url, socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(WAIT)
        caller.connect((url.server.host, url.server.port))
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert paused_at.get(timeout=WAIT) < total
        received = b"".join(iter(lambda: caller.recv(65536), b""))
    body = received.partition(b"\r\n\r\n")[2]
    assert body == b"".join(bytes([number % 256]) * 16384 for number in range(320))


def test_disconnected_client_does_not_stop_function(serve: Serve, tmp_path: Path) -> None:
    """A disconnected client does not stop the function, and its environment serves the next request."""
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
        wait_until((tmp_path / "end").exists)
        body = when_free(url).data
        assert body.startswith(pid) and len(body) > 60 * 65536
        assert sum(line.startswith("INIT_START") for line in url.lines) == 1


def test_http_1_0_and_head_responses(serve: Serve) -> None:
    """HTTP/1.0 clients get an unchunked body; HEAD requests, 204 and 304 get only the head."""
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


def test_request_during_stream_gets_429(serve: Serve) -> None:
    """A request above the concurrency limit gets 429 while another stream runs."""
    with serve("def handler(event, headers):\n    yield b'first'\n    wait_for('never')\n", concurrency=1) as url:
        first = url.stream()
        assert first.read(5) == b"first"
        refused = url.request("GET")
        assert (refused.status, refused.json()["Type"]) == (429, "User")
        first.close()


def test_close_truncates_streams(serve: Serve) -> None:
    """Closing the host truncates a running stream, and later requests get 503."""
    with serve("def handler(event, headers):\n    yield b'first'\n    wait_for('never')\n") as url:
        answer = url.stream()
        assert answer.read(5) == b"first"
        url.wait(url.host.close())
        with pytest.raises(urllib3.exceptions.ProtocolError):
            answer.read()
        refused = url.request("GET")
        assert (refused.status, json.loads(refused.data)["Type"]) == (503, "Service")
