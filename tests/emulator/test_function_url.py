"""A function URL in buffered mode, with real processes."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.common.quotas import MAX_PAYLOAD
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.errors import InvalidFunction, UnknownQualifier
from awslambdaric_lite.emulator.frontend.url import FunctionUrl
from awslambdaric_lite.emulator.frontend.url_cors import Cors
from awslambdaric_lite.emulator.host import FunctionHost

from .function_url import WAIT_FOR, ServedUrl
from .harness import Client
from .runtimes import STREAMING_RUNTIME
from .waiting import WAIT, wait_until

Serve = Callable[..., ServedUrl]

ECHO = "def handler(event, headers):\n    return {'event': event, 'headers': headers}\n"
RETURN_BODY = "import json\ndef handler(event, headers):\n    return json.loads(event['body'])\n"
ORIGIN = {"Origin": "https://a.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-tag"}


@pytest.fixture
def serve(write_handler: Callable[[str], Path], socket_runtime: list[str]) -> Serve:
    """Return a function that serves the source of a handler."""

    def make(source: str, *, cors: Cors | None = None, qualifier: str | None = None, **settings: Any) -> ServedUrl:
        function = FunctionConfig(
            "app.handler", write_handler(source), **{"runtime": socket_runtime, "timeout_s": WAIT, **settings}
        )
        return ServedUrl(function, cors=cors, qualifier=qualifier)

    return make


def returned(url: ServedUrl, result: object) -> Any:
    """Let the function return `result`; return the URL's response."""
    return url.request("POST", "/", json.dumps(result).encode(), {"Content-Type": "application/json"})


def test_request_reaches_function(serve: Serve) -> None:
    """A request's method, target, headers and body reach the function, with the invocation's ids."""
    with serve(ECHO) as url:
        answer = url.request("PUT", "/a%2Fb?x=1&x=2", b"hello", {"Content-Type": "text/plain", "Cookie": "a=1"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    event, headers = answer.json()["event"], answer.json()["headers"]
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert (event["rawPath"], event["queryStringParameters"]) == ("/a%2Fb", {"x": "1,2"})
    assert (event["body"], event["isBase64Encoded"], event["cookies"]) == ("hello", False, ["a=1"])
    request_id = headers["lambda-runtime-aws-request-id"]
    assert request_id == event["requestContext"]["requestId"] == answer.headers["x-amzn-RequestId"]
    assert f"START RequestId: {request_id} Version: $LATEST" in url.lines
    root = event["headers"]["x-amzn-trace-id"]
    assert headers["lambda-runtime-trace-id"].startswith(f"{root};Parent=")
    assert answer.headers["X-Amzn-Trace-Id"].startswith(f"root={root.removeprefix('Root=')};parent=")


def test_trace_header_reaches_event_and_runtime(serve: Serve) -> None:
    """The caller's trace header reaches the event and the runtime."""
    with serve(ECHO) as url:
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        answer = url.request("GET", headers={"X-Amzn-Trace-Id": trace}).json()
    assert answer["event"]["headers"]["x-amzn-trace-id"] == answer["headers"]["lambda-runtime-trace-id"] == trace


def test_result_becomes_response(serve: Serve) -> None:
    """A result's status, headers, cookies and binary body become the response; other JSON becomes the body."""
    with serve(RETURN_BODY) as url:
        answer = returned(
            url,
            {"statusCode": 201, "headers": {"Content-Type": "image/x", "Connection": "close", "Content-Length": 1}}
            | {"cookies": ["a=1; Path=/", "b=2"], "body": "AAEC/w==", "isBase64Encoded": True},
        )
        assert (answer.status, answer.data) == (201, b"\x00\x01\x02\xff")
        assert answer.headers.getlist("Set-Cookie") == ["a=1; Path=/", "b=2"]
        assert answer.headers.getlist("Content-Type") == ["image/x"]
        assert answer.headers.getlist("Content-Length") == ["4"]
        assert answer.headers["x-amzn-remapped-content-length"] == "1"
        assert "Connection" not in answer.headers
        verbatim = returned(url, "Hello, world!")
        assert (verbatim.status, verbatim.data) == (200, b'"Hello, world!"')
        assert verbatim.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_body_drops_body(serve: Serve, status: int) -> None:
    """The body of a 204 or 304 result is not sent, and the connection stays open."""
    with serve(RETURN_BODY) as url:
        for _ in range(2):
            answer = returned(url, {"statusCode": status, "body": "not wanted"})
            assert (answer.status, answer.data) == (status, b"")


def test_failed_invocation_is_bad_gateway(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed result, an exception and an exit are answered with 502; the URL continues to serve."""
    source = (
        "import os\ndef handler(event, headers):\n    if event['rawPath'] == '/exit':\n        os._exit(3)\n"
        "    return {'/': 1, '/malformed': {'statusCode': 'x'}}[event['rawPath']]\n"
    )
    with serve(source) as url, caplog.at_level(logging.WARNING):
        for path in ("/malformed", "/exception", "/exit"):
            answer = url.request("GET", path)
            assert (answer.status, answer.data) == (502, b"Internal Server Error")
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["x-amzn-RequestId"]
        assert url.request("GET", "/").data == b"1"
    assert ['statusCode is "x"' in record.getMessage() for record in caplog.records] == [True]


def test_timeout_is_bad_gateway(serve: Serve) -> None:
    """A timeout of the function is answered with 502."""
    with serve("import time\ndef handler(event, headers):\n    time.sleep(60)\n", timeout_s=0.3) as url:
        answer = url.request("GET")
    assert (answer.status, answer.data) == (502, b"Internal Server Error")


def test_oversized_response_is_bad_gateway(serve: Serve) -> None:
    """A response of one byte above the limit is answered with 502."""
    with serve("def handler(event, headers):\n    return 'x' * (int(event['rawPath'][1:]) - 2)") as url:
        assert len(url.request("GET", f"/{MAX_PAYLOAD}").data) == MAX_PAYLOAD
        assert url.request("GET", f"/{MAX_PAYLOAD + 1}").status == 502


def test_oversized_request_is_rejected_with_413(serve: Serve) -> None:
    """A request whose body or event exceeds the limit is rejected with 413 without an invocation."""
    with serve(ECHO) as url:
        with Client(url.server.address) as client:
            head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_PAYLOAD + 1}\r\n\r\n"
            assert client.ask(head.encode()).status == 413
        with Client(url.server.address) as client:
            size = MAX_PAYLOAD + 1
            client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size)
            client.send(bytes(size) + b"\r\n")
            assert client.read().status == 413
        answer = url.request("POST", "/", bytes(5 * 1024 * 1024))  # base64 makes it a third larger
        assert answer.status == 413
        assert answer.headers["x-amzn-ErrorType"] == "RequestTooLargeException"
        assert not url.lines


def test_request_above_concurrency_gets_429(serve: Serve, tmp_path: Path) -> None:
    """A request above the concurrency limit gets 429 immediately; the running one completes."""
    source = (
        WAIT_FOR + "def handler(event, headers):\n    open('begun', 'w').close()\n    wait_for('gate')\n    return 7\n"
    )
    with serve(source, concurrency=1) as url:
        first: list[Any] = []
        thread = threading.Thread(target=lambda: first.append(url.request("GET")))
        thread.start()
        wait_until((tmp_path / "begun").exists)
        refused = url.request("GET")
        (tmp_path / "gate").touch()
        thread.join(WAIT)
    assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (429, "TooManyRequestsException")
    assert refused.json()["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert first[0].json() == 7


def test_head_response_has_no_body(serve: Serve) -> None:
    """The response to HEAD has the head of the response to GET and no body."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
        replies = client.socket.makefile("rb")
        assert replies.readline() == b"HTTP/1.1 200 OK\r\n"
        head = b"".join(iter(replies.readline, b"\r\n")).lower()
        assert b"content-type: application/json\r\n" in head
        assert b"content-length: 0\r\n" not in head
        assert replies.readline() == b"HTTP/1.1 200 OK\r\n"  # directly after the head
        replies.close()


def test_http_1_0_connection_is_closed(serve: Serve) -> None:
    """The connection of an HTTP/1.0 client ends with the response."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        reply = client.ask(b"GET /old HTTP/1.0\r\n\r\n")
        assert json.loads(reply.body)["event"]["requestContext"]["http"]["protocol"] == "HTTP/1.0"
        assert client.at_end()


def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    """Two pipelined requests on one connection are answered in order."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        client.send(b"GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert [json.loads(client.read().body)["event"]["rawPath"] for _ in range(2)] == ["/1", "/2"]


def test_invalid_target_is_rejected_with_400(serve: Serve) -> None:
    """A request whose target is not a path is rejected with 400 without an invocation."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        reply = client.ask(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert reply.status == 400
        assert "path '*' does not begin with /" in json.loads(reply.body)["message"]
        assert not url.lines


def test_truncated_request_is_not_invoked(serve: Serve) -> None:
    """A truncated request invokes nothing, and the next request is served."""
    with serve(ECHO) as url:
        with Client(url.server.address) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
        assert url.request("GET").status == 200
        assert sum(line.startswith("START") for line in url.lines) == 1


def test_prelude_in_buffered_mode_is_malformed(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """In buffered mode a streamed prelude is a malformed response, and streamed JSON is valid."""
    source = (
        "def handler(event, headers):\n    yield b'{\"statusCode\":201'\n"
        "    yield b'}' + bytes(8) * (event['rawPath'] == '/prelude')\n"
        "handler.content_type = 'application/vnd.awslambda.http-integration-response'\n"
    )
    with serve(source, runtime=STREAMING_RUNTIME) as url:
        assert url.request("GET", "/prelude").status == 502
        assert url.request("GET", "/json").status == 201
    assert "it is not JSON" in caplog.text


def test_url_of_alias_invokes_its_version(serve: Serve) -> None:
    """The URL of an alias invokes its version with the alias in the ARN; an unknown qualifier is rejected."""
    with serve(ECHO, aliases={"live": "3"}, qualifier="live") as url:
        arn = url.request("GET").json()["headers"]["lambda-runtime-invoked-function-arn"]
        assert arn.endswith(":function:live")
        assert any(line.endswith("Version: 3") for line in url.lines)
    with pytest.raises(UnknownQualifier):
        FunctionUrl(FunctionHost(FunctionConfig("app.handler")), qualifier="missing")


def test_closed_function_is_answered_with_503(serve: Serve) -> None:
    """A request to a closed function is answered with 503 and the service's error type."""
    with serve(ECHO) as url:
        url.wait(url.host.close())
        answer = url.request("GET")
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (503, "ServiceException")


def test_preflight_is_answered_without_invocation(serve: Serve) -> None:
    """With CORS settings the URL answers preflight requests; other OPTIONS requests reach the function."""
    cors = Cors(
        allow_origins=["https://a.example"],
        allow_methods=["GET", "PUT"],
        allow_headers=["X-Tag", "Authorization"],
        expose_headers=["X-Other"],
        allow_credentials=True,
        max_age=300,
    )
    with serve(ECHO, cors=cors) as url:
        answer = url.request("OPTIONS", headers=PREFLIGHT)
        assert (answer.status, answer.data) == (200, b"")
        permissions = {name: value for name, value in answer.headers.items() if name.startswith("Access-")}
        assert permissions == {
            "Access-Control-Allow-Origin": "https://a.example",
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Headers": "x-tag,authorization",
            "Access-Control-Allow-Methods": "GET,PUT",
            "Access-Control-Max-Age": "300",
        }
        assert answer.headers["Vary"] == "Origin"
        stranger = url.request("OPTIONS", headers={**PREFLIGHT, "Origin": "https://b.example"})
        assert stranger.status == 200
        assert not [name for name in stranger.headers if name.startswith("Access-")]
        assert not url.lines
        assert url.request("OPTIONS").json()["event"]["requestContext"]["http"]["method"] == "OPTIONS"


def test_responses_have_cors_headers(serve: Serve) -> None:
    """Every response to an allowed origin, errors included, has CORS headers in addition to the function's headers."""
    cors = Cors(allow_origins=["*"], expose_headers=["X-A", "X-B"])
    with serve(RETURN_BODY, cors=cors) as url:
        answer = url.request("POST", "/", b'{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"x"}}', ORIGIN)
        assert answer.status == 502  # without a content type, the body is base64
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        headers = {**ORIGIN, "Content-Type": "application/json"}
        answer = url.request("POST", "/", b'{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"x"}}', headers)
        assert answer.headers.getlist("Access-Control-Allow-Origin") == ["x", "*"]
        assert answer.headers["Access-Control-Expose-Headers"] == "X-A,X-B"
        assert "Access-Control-Allow-Origin" not in returned(url, 1).headers


def test_preflight_without_settings_reaches_function(serve: Serve) -> None:
    """Without CORS settings preflight requests reach the function, and responses have no CORS header."""
    with serve(ECHO) as url:
        answer = url.request("OPTIONS", headers=PREFLIGHT)
        assert answer.json()["event"]["headers"]["access-control-request-method"] == "PUT"
        assert not {"Vary", "Access-Control-Allow-Origin"} & set(answer.headers)


def test_origin_of_function_and_url_is_warned_about_once(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """If the function and the URL send Access-Control-Allow-Origin, both are sent, and one log line says so."""
    answer = {"statusCode": 200, "headers": {"access-control-allow-origin": "*"}}
    source = f"def handler(event, context): return {answer} if event['rawPath'] == '/both' else 'x'"
    with serve(source, cors=Cors(allow_origins=["https://a.example"])) as url:
        for path, origin in (("/", "https://a.example"), ("/both", "https://b.example")):
            url.request("GET", path, headers={"Origin": origin})
        assert not caplog.records
        for _ in range(2):
            reply = url.request("GET", "/both", headers={"Origin": "https://a.example"})
            assert reply.headers.getlist("access-control-allow-origin") == ["*", "https://a.example"]
    (record,) = caplog.records
    assert "Access-Control-Allow-Origin" in record.getMessage()


def test_invalid_cors_settings_are_rejected() -> None:
    """A string where a list belongs, and an age out of range, are rejected as CORS settings."""
    with pytest.raises(InvalidFunction, match=r"allow_origins of CORS is text; give a list"):
        Cors(allow_origins="*")
    with pytest.raises(InvalidFunction, match="max_age 86401 of CORS is out of range"):
        Cors(max_age=86401)
