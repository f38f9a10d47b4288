"""Header values that are not UTF-8, in both directions: every caller gets a response."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.emulator.frontend.url_cors import Cors
from awslambdaric_lite.emulator.http.exchange import Exchange
from awslambdaric_lite.emulator.http.server import HttpServer

from .harness import Client
from .loop_thread import LoopThread
from .runtimes import SUPPORT
from .test_http import Echo
from .waiting import WAIT

VALUES = [
    b"\xff",
    b"caf\xe9",
    b"\xc3\xa9",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x90\x8d",
    b"\x80\x01\xfe",
    b"a\xffb",
]
RUNTIME = """
import os, socket, sys
sys.path.insert(0, {support!r})
import socket_runtime as r
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
with socket.create_connection((host, int(port))) as api, api.makefile("rb") as replies:
    while True:
        api.sendall(r.request("GET", "invocation/next"))
        status, headers, event = r.read(replies)
        request_id = headers["lambda-runtime-aws-request-id"]
        head = f"POST {{r.ROOT}}invocation/{{request_id}}/{kind} HTTP/1.1\\r\\nHost: localhost\\r\\n"
        head += "Content-Length: 2\\r\\n{name}: "
        api.sendall(head.encode() + {value!r} + b"\\r\\n\\r\\n{{}}")
        assert r.read(replies)[0] == 202
"""


def ask(url: str, head: str, name: str, value: bytes, body: bytes = b"{}") -> tuple[bytes, bytes]:
    """Send a request with one more field; return the head and the body of the response."""
    host, _, port = url.removeprefix("http://").removesuffix("/").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as client:
        field = name.encode() + b": " + value + b"\r\n"
        length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        client.sendall(f"{head}\r\nHost: localhost\r\n".encode() + field + length + body)
        received = b""
        while part := client.recv(65536):
            received += part
    answer, _, rest = received.partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 "), received
    return answer, rest


INVOKE = "POST /2015-03-31/functions/function/invocations HTTP/1.1"
STREAM = "POST /2021-11-15/functions/function/response-streaming-invocations HTTP/1.1"


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("response", "Content-Type"),
        ("error", "Content-Type"),
        ("error", "Lambda-Runtime-Function-Error-Type"),
        ("error", "Lambda-Runtime-Function-XRay-Error-Cause"),
    ],
)
def test_header_of_runtime_is_passed_on(tmp_path: Path, kind: str, name: str, value: bytes) -> None:
    """A response of a runtime with any bytes in a header reaches every kind of caller; a content type is unchanged."""
    script = tmp_path / "runtime.py"
    script.write_text(RUNTIME.format(support=str(SUPPORT), kind=kind, name=name, value=value))
    runtime = [sys.executable, "-S", str(script)]
    for mode in ("BUFFERED", "RESPONSE_STREAM"):
        with LocalLambda(
            "app.handler", task_root=tmp_path, runtime=runtime, url_mode=mode, timeout_s=60.0, log_format="JSON"
        ) as function:
            result = function.invoke()
            assert (result.error is None, result.payload) == (kind == "response", b"{}"), result.logs
            head, _ = ask(function.endpoint_url, INVOKE, "X-Amz-Log-Type", b"Tail")
            if (kind, name) == ("response", "Content-Type"):
                assert b"Content-Type: " + value + b"\r\n" in head
            assert ask(function.endpoint_url, STREAM, "X", b"1")[0].startswith(b"HTTP/1.1 200 ")
            head, _ = ask(function.url, "GET / HTTP/1.1", "X", b"1")
            assert head.startswith(b"HTTP/1.1 200 " if kind == "response" else b"HTTP/1.1 502 ")


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLambda]:
    """Yield a running function whose URL repeats origins."""
    root = tmp_path_factory.mktemp("function")
    (root / "app.py").write_text("def handler(event, context):\n    return event")
    runtime = [sys.executable, "-S", str(SUPPORT / "socket_runtime.py")]
    cors = Cors(allow_origins=["*"], allow_credentials=True)
    with LocalLambda("app.handler", task_root=root, runtime=runtime, cors=cors, timeout_s=60.0) as started:
        yield started


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "name",
    [
        *("X-Amzn-Trace-Id", "X-Amz-Client-Context", "X-Amz-Tenant-Id", "X-Amz-Invocation-Type", "X-Amz-Log-Type"),
        *("Content-Type", "x-amzn-RequestId", "User-Agent", "X-Forwarded-For", "Cookie", "Transfer-Encodings", "TE"),
        "X-Custom",
    ],
)
def test_header_of_caller_gets_response(function: LocalLambda, name: str, value: bytes) -> None:
    """A request with any bytes in a header gets a response from the function, or a refusal with a reason."""
    for url, head in (
        (function.endpoint_url, INVOKE),
        (function.endpoint_url, STREAM),
        (function.url, "POST / HTTP/1.1"),
    ):
        answer, body = ask(url, head, name, value)
        assert answer.split()[1] in (b"200", b"400", b"415"), answer
        assert body


@pytest.mark.parametrize("value", VALUES)
def test_origin_of_caller_is_repeated(function: LocalLambda, value: bytes) -> None:
    """An origin is repeated with the bytes that it came with."""
    answer, _ = ask(function.url, "GET / HTTP/1.1", "Origin", value)
    assert b"Access-Control-Allow-Origin: " + value + b"\r\n" in answer


class Broken(Echo):
    """Application whose methods raise, or respond with fields that are not HTTP."""

    def on_head(self, exchange: Exchange) -> None:
        if exchange.request.path == "/raises-at-head":
            raise ValueError("at the head")

    def on_body(self, exchange: Exchange) -> None:
        match exchange.request.path:
            case "/raises":
                raise ValueError("at the body")
            case "/line-break":
                exchange.respond(200, [("X-Odd", "a\r\nb")], b"")
            case "/surrogate":
                exchange.respond(200, [("X-Odd", "\ud800")], b"")
            case "/stream":
                exchange.start(200, [("X-Odd", "a\0b")])
                exchange.write(b"part")
                exchange.finish()
            case _:
                exchange.respond(200, [], b"fine")


@pytest.mark.parametrize("path", ["/raises-at-head", "/raises", "/line-break", "/surrogate", "/stream"])
def test_response_that_cannot_be_sent_is_500(caplog: pytest.LogCaptureFixture, path: str) -> None:
    """A failure of an application, or a response that is not HTTP, becomes a 500 with a line in the log."""
    thread = LoopThread()
    server = thread.run(lambda: HttpServer(Broken()))
    try:
        with caplog.at_level(logging.ERROR), Client(server.address) as client:
            reply = client.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert reply.status == 500
        assert any(f"GET {path}" in record.getMessage() for record in caplog.records)
        with Client(server.address) as client:
            assert client.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").body == b"fine"
    finally:
        thread.run(server.close)
        thread.stop()
