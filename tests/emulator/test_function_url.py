"""A function URL in its buffered mode, with real processes behind it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator.config.function import MAX_PAYLOAD, FunctionConfig
from awslambdaric_lite.emulator.errors import InvalidFunction, UnknownQualifier
from awslambdaric_lite.emulator.frontend.url import FunctionUrl
from awslambdaric_lite.emulator.frontend.url_cors import Cors
from awslambdaric_lite.emulator.host import FunctionHost

from .function_url import STREAMING_RUNTIME, WAIT, WAIT_FOR, ServedUrl, await_file
from .harness import Client

Serve = Callable[..., ServedUrl]

ECHO = "def handler(event, headers):\n    return {'event': event, 'headers': headers}\n"
RETURN_BODY = "import json\ndef handler(event, headers):\n    return json.loads(event['body'])\n"
ORIGIN = {"Origin": "https://a.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-tag"}


@pytest.fixture
def serve(write_handler: Callable[[str], Path], socket_runtime: list[str]) -> Serve:
    """Serve the source of a handler."""

    def make(source: str, *, cors: Cors | None = None, qualifier: str | None = None, **settings: Any) -> ServedUrl:
        function = FunctionConfig(
            "app.handler", write_handler(source), **{"runtime": socket_runtime, "timeout_s": WAIT, **settings}
        )
        return ServedUrl(function, cors=cors, qualifier=qualifier)

    return make


def returned(url: ServedUrl, result: object) -> Any:
    """Let the function return this, and see what comes of it."""
    return url.request("POST", "/", json.dumps(result).encode(), {"Content-Type": "application/json"})


def test_a_request_reaches_the_function(serve: Serve) -> None:
    """Method, target, headers and body over a real connection; the ids are those of the invocation."""
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


def test_a_trace_of_the_caller_goes_on(serve: Serve) -> None:
    """The header arrives in the event and at the runtime."""
    with serve(ECHO) as url:
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        answer = url.request("GET", headers={"X-Amzn-Trace-Id": trace}).json()
    assert answer["event"]["headers"]["x-amzn-trace-id"] == answer["headers"]["lambda-runtime-trace-id"] == trace


def test_a_result_becomes_the_response(serve: Serve) -> None:
    """Status, headers, each cookie on a line of its own, binary body; and JSON without a status as it is."""
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
def test_statuses_without_a_body(serve: Serve, status: int) -> None:
    """A body that the function gives all the same is not sent, and the connection goes on."""
    with serve(RETURN_BODY) as url:
        for _ in range(2):
            answer = returned(url, {"statusCode": status, "body": "not wanted"})
            assert (answer.status, answer.data) == (status, b"")


def test_what_ends_in_a_bad_gateway(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed result (with its reason in the log), an exception, and an exit; the URL goes on."""
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


def test_a_time_out_is_a_bad_gateway(serve: Serve) -> None:
    """The function does not answer in time."""
    with serve("import time\ndef handler(event, headers):\n    time.sleep(60)\n", timeout_s=0.3) as url:
        answer = url.request("GET")
    assert (answer.status, answer.data) == (502, b"Internal Server Error")


def test_a_response_beyond_the_limit_is_a_bad_gateway(serve: Serve) -> None:
    """The limit of a buffered response, to the byte."""
    with serve("def handler(event, headers):\n    return 'x' * (int(event['rawPath'][1:]) - 2)") as url:
        assert len(url.request("GET", f"/{MAX_PAYLOAD}").data) == MAX_PAYLOAD
        assert url.request("GET", f"/{MAX_PAYLOAD + 1}").status == 502


def test_requests_beyond_the_limit(serve: Serve) -> None:
    """413 for a body that is too large, declared or not, and for one that is as an event; nothing is invoked."""
    with serve(ECHO) as url:
        with Client(url.server.address) as client:
            head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_PAYLOAD + 1}\r\n\r\n"
            assert client.ask(head.encode()).status == 413
        with Client(url.server.address) as client:
            size = MAX_PAYLOAD + 1
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size)
            client.send(bytes(size) + b"\r\n")
            assert client.read().status == 413
        answer = url.request("POST", "/", bytes(5 * 1024 * 1024))  # base64 makes it a third larger
        assert answer.status == 413
        assert answer.headers["x-amzn-ErrorType"] == "RequestTooLargeException"
        assert not url.lines


def test_throttling(serve: Serve, tmp_path: Path) -> None:
    """At the concurrency limit a request gets 429 at once; the one that runs gets its answer."""
    source = (
        WAIT_FOR + "def handler(event, headers):\n    open('begun', 'w').close()\n    wait_for('gate')\n    return 7\n"
    )
    with serve(source, concurrency=1) as url:
        first: list[Any] = []
        thread = threading.Thread(target=lambda: first.append(url.request("GET")))
        thread.start()
        await_file(tmp_path / "begun")
        refused = url.request("GET")
        (tmp_path / "gate").touch()
        thread.join(WAIT)
    assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (429, "TooManyRequestsException")
    assert refused.json()["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert first[0].json() == 7


def test_head_requests(serve: Serve) -> None:
    """The head that GET would have; the connection stays usable."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        replies = client.socket.makefile("rb")
        assert replies.readline() == b"HTTP/1.1 200 OK\r\n"
        head = b"".join(iter(replies.readline, b"\r\n")).lower()
        assert b"content-type: application/json\r\n" in head
        assert b"content-length: 0\r\n" not in head
        assert replies.readline() == b"HTTP/1.1 200 OK\r\n"  # no byte of a body came between
        replies.close()


def test_old_clients(serve: Serve) -> None:
    """HTTP/1.0: a declared length, and the connection ends with the answer."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        reply = client.ask(b"GET /old HTTP/1.0\r\n\r\n")
        assert json.loads(reply.body)["event"]["requestContext"]["http"]["protocol"] == "HTTP/1.0"
        assert client.at_end()


def test_connections_are_kept(serve: Serve) -> None:
    """Two requests sent at once on one connection are answered in order."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        client.send(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [json.loads(client.read().body)["event"]["rawPath"] for _ in range(2)] == ["/1", "/2"]


def test_requests_that_are_none(serve: Serve) -> None:
    """400 with the reason, and nothing is invoked."""
    with serve(ECHO) as url, Client(url.server.address) as client:
        reply = client.ask(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reply.status == 400
        assert "path '*' does not begin with /" in json.loads(reply.body)["message"]
        assert not url.lines


def test_a_request_that_breaks_off_invokes_nothing(serve: Serve) -> None:
    """The client goes in the middle of its body; the next one is served."""
    with serve(ECHO) as url:
        with Client(url.server.address) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        assert url.request("GET").status == 200
        assert sum(line.startswith("START") for line in url.lines) == 1


def test_a_prelude_is_not_read_in_buffered_mode(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The bytes of the stream are no JSON, so it is a malformed response; a stream of JSON is a good one."""
    source = (
        "def handler(event, headers):\n    yield b'{\"statusCode\":201'\n"
        "    yield b'}' + bytes(8) * (event['rawPath'] == '/prelude')\n"
        "handler.content_type = 'application/vnd.awslambda.http-integration-response'\n"
    )
    with serve(source, runtime=STREAMING_RUNTIME) as url:
        assert url.request("GET", "/prelude").status == 502
        assert url.request("GET", "/json").status == 201
    assert "it is not JSON" in caplog.text


def test_qualifiers(serve: Serve) -> None:
    """The URL of an alias invokes its version, and shows the alias in the ARN; an unknown one is refused at once."""
    with serve(ECHO, aliases={"live": "3"}, qualifier="live") as url:
        arn = url.request("GET").json()["headers"]["lambda-runtime-invoked-function-arn"]
        assert arn.endswith(":function:live")
        assert any(line.endswith("Version: 3") for line in url.lines)
    with pytest.raises(UnknownQualifier):
        FunctionUrl(FunctionHost(FunctionConfig("app.handler")), qualifier="missing")


def test_a_closed_function(serve: Serve) -> None:
    """503, with the service's own error."""
    with serve(ECHO) as url:
        url.run(url.host.close)
        answer = url.request("GET")
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (503, "ServiceException")


def test_preflight_requests_are_answered_by_the_url(serve: Serve) -> None:
    """From the settings, without an invocation; other requests with OPTIONS are the function's."""
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


def test_cross_origin_headers_of_answers(serve: Serve) -> None:
    """Added to every answer to an allowed origin, errors included, beside what the function says itself."""
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


def test_without_settings_preflight_requests_are_the_functions(serve: Serve) -> None:
    """And nothing is added to what it answers."""
    with serve(ECHO) as url:
        answer = url.request("OPTIONS", headers=PREFLIGHT)
        assert answer.json()["event"]["headers"]["access-control-request-method"] == "PUT"
        assert not {"Vary", "Access-Control-Allow-Origin"} & set(answer.headers)


def test_cross_origin_settings_are_checked() -> None:
    """A text in place of a list, and an age out of range."""
    with pytest.raises(InvalidFunction, match=r"allow_origins of CORS is text; give a list"):
        Cors(allow_origins="*")
    with pytest.raises(InvalidFunction, match="max_age 86401 of CORS is out of range"):
        Cors(max_age=86401)
