"""Applications of real frameworks answer events of each HTTP integration, in real processes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.conformance.messages import Event
from tests.apps.applications import DJANGO, FASTAPI, FLASK, STARLETTE
from tests.process.lite import write_app
from tests.support.client_process import LITE, Run, run_client

Build = Callable[..., dict[str, Any]]
INTEGRATIONS: dict[str, Build] = {
    "function url": events.function_url,
    "http api": events.api_gateway_v2,
    "rest api": events.api_gateway_v1,
    "load balancer": events.alb,
    "load balancer, multi-value": lambda *arguments, **named: events.alb(*arguments, multi_value=True, **named),
}
integrations = pytest.mark.parametrize("build", INTEGRATIONS.values(), ids=INTEGRATIONS)
frameworks = pytest.mark.parametrize("source", [STARLETTE, FLASK], ids=["starlette", "flask"])


def run(tmp_path: Path, source: str, sent: Sequence[object], handler: str = "app.app", **env: str) -> Run:
    """Send events to an application."""
    write_app(tmp_path, source)
    variables = {f"AWSLAMBDARIC_LITE_{name}": value for name, value in env.items()}
    given = [Event(json.dumps(event).encode()) for event in sent]
    return run_client(LITE, handler, given, task_root=tmp_path, env=variables)


def answer(result: Run, number: int = 0) -> dict[str, Any]:
    """Return the response to an event."""
    request = result.replies[number]
    assert request.verb == "response", request.body
    value: dict[str, Any] = json.loads(request.body)
    return value


def body(reply: dict[str, Any]) -> bytes:
    """Return the body of a response."""
    text: str = reply["body"]
    return base64.b64decode(text) if reply["isBase64Encoded"] else text.encode()


def fields(reply: dict[str, Any], name: str) -> list[str]:
    """Return all values of a header, in whichever form the integration wants them."""
    found = [value for key, value in reply.get("headers", {}).items() if key.lower() == name]
    found += reply.get("multiValueHeaders", {}).get(name, [])
    if name == "set-cookie":
        found += reply.get("cookies", [])
    return [part.strip() for value in found for part in (value.split(",") if name == "x-a" else [value])]


@frameworks
@integrations
def test_application_gets_the_whole_request(tmp_path: Path, source: str, build: Build) -> None:
    """The application gets method, path, query, headers, cookies, body and the event."""
    event = build(
        "POST",
        "/tell/a%20b/c%C3%A9?x=1&y=a%20b",
        headers={"x-many": "one", "content-type": "text/plain", "cookie": "a=1; b=2"},
        body=b"\x00\xff binary",
    )
    request = json.loads(body(answer(run(tmp_path, source, [event]))))
    assert request["method"] == "POST"
    assert request["path"].removeprefix("/prod") in ("/tell/a b/cé", "/tell/a%20b/c%C3%A9")
    assert request["query"].replace("+", "%20") == "x=1&y=a%20b"
    assert request["body"] == "\x00\xff binary"
    assert request["cookies"] == {"a": "1", "b": "2"}
    assert request["x"] == ["one"]
    assert request["scheme"] == "https"
    assert request["client"]
    assert request["function"] == "function"
    assert request["event"] == sorted(event)


@frameworks
@integrations
def test_repeated_headers_and_cookies_are_returned(tmp_path: Path, source: str, build: Build) -> None:
    """Repeated headers and several cookies are returned to the integration."""
    reply = answer(run(tmp_path, source, [build("GET", "/many")]))
    assert reply["statusCode"] == 200
    assert [cookie.partition(";")[0] for cookie in fields(reply, "set-cookie")] == ["a=1", "b=2"]
    assert fields(reply, "x-a") == ["1", "2"]
    assert (body(reply), reply["isBase64Encoded"]) == (b"ok", False)


@frameworks
@integrations
def test_binary_body_is_base64(tmp_path: Path, source: str, build: Build) -> None:
    """A binary body is returned as base64, and a missing path gives 404."""
    result = run(tmp_path, source, [build("GET", "/binary"), build("GET", "/nowhere")])
    assert body(answer(result)) == bytes(range(256))
    assert answer(result, 1)["statusCode"] == 404


@frameworks
@pytest.mark.parametrize("integration", ["function url", "rest api"])
def test_app_stream_streams_the_response(tmp_path: Path, source: str, integration: str) -> None:
    """With APP_STREAM=1 the prelude and each chunk of the application are streamed."""
    sent = [
        INTEGRATIONS[integration]("GET", "/stream"),
        INTEGRATIONS[integration]("GET", "/many"),
        INTEGRATIONS[integration]("GET", "/stream?fail=1"),
    ]
    result = run(tmp_path, source, sent, APP_STREAM="1")
    first, second, third = result.replies
    prelude, _, content = first.body.partition(b"\0" * 8)
    assert first.header("Content-Type") == "application/vnd.awslambda.http-integration-response"
    assert json.loads(prelude)["statusCode"] == 200
    assert content == b"0\n1\n2\n"
    assert first.chunks[1:] == (b"0\n", b"1\n", b"2\n")
    cookies = json.loads(second.body.partition(b"\0")[0])["cookies"]
    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2"]
    assert dict(third.trailers)["Lambda-Runtime-Function-Error-Type"] == "Function.ValueError"
    assert result.ended_by_test


@frameworks
@pytest.mark.parametrize("integration", ["http api", "load balancer"])
def test_buffered_integrations_get_whole_response(tmp_path: Path, source: str, integration: str) -> None:
    """An integration that cannot stream gets the whole response if APP_STREAM is set."""
    reply = answer(run(tmp_path, source, [INTEGRATIONS[integration]("GET", "/stream")], APP_STREAM="1"))
    assert body(reply) == b"0\n1\n2\n"


@frameworks
def test_event_that_is_not_request_is_refused(tmp_path: Path, source: str) -> None:
    """An event that is not a request is refused; the error names the supported integrations and the setting."""
    given = [
        ({"Records": []}, "is not an HTTP request"),
        ([], "is not an HTTP request"),
        ("text", "is not an HTTP request"),
        (events.websocket("chat", "hello"), "is from a WebSocket API"),
        ({"raw_path": "/a", "method": "GET", "headers": {}}, "through VPC Lattice, which is not supported"),
        ({"version": "2.0", "path": "/a", "method": "GET", "requestContext": {}}, "through VPC Lattice"),
    ]
    requests = run(tmp_path, source, [event for event, _ in given]).replies
    for request, (_, problem) in zip(requests, given, strict=True):
        error = json.loads(request.body)
        assert error["errorType"] == "ValueError" and problem in error["errorMessage"]
        assert "function URL" in error["errorMessage"] and "_APP_EVENTS_PATH" in error["errorMessage"]


def test_fastapi_routes_and_validates(tmp_path: Path) -> None:
    """A FastAPI application routes, parses and validates requests."""
    sent = [
        events.function_url("POST", "/items/7?q=x", body={"a": [1]}),
        events.function_url("POST", "/items/seven", body={}),
    ]
    result = run(tmp_path, FASTAPI, sent)
    assert json.loads(body(answer(result))) == {"number": 7, "q": "x", "json": {"a": [1]}}
    assert answer(result, 1)["statusCode"] == 422


@pytest.mark.parametrize("gateway", ["asgi", "wsgi"])
def test_django_gateways_are_recognised(tmp_path: Path, gateway: str) -> None:
    """Applications of both Django gateways are recognised."""
    event = events.api_gateway_v2("POST", "/tell/a?x=1", body="text", headers={"content-type": "text/plain"})
    result = run(tmp_path, DJANGO.replace("{gateway}", gateway), [event, event])
    expected = {"method": "POST", "path": "/tell/a", "query": "x=1", "body": "text"}
    assert [json.loads(body(answer(result, number))) for number in (0, 1)] == [expected] * 2


def test_lifespan_starts_once_in_init(tmp_path: Path) -> None:
    """The lifespan starts once during init, its state is in each request, and the extension is registered."""
    result = run(tmp_path, STARLETTE, [events.function_url("GET", "/tell/x")] * 2)
    assert result.stdout.count(b"startup") == 1
    assert [json.loads(body(answer(result, number)))["started"] for number in (0, 1)] == [True, True]
    assert result.requests[0].path.endswith("/extension/register")


def test_failing_startup_is_init_error(tmp_path: Path) -> None:
    """A failed startup posts an init error, and the process exits with 1."""
    source = STARLETTE.replace('    yield {"started": True}', '    raise RuntimeError("no database")\n    yield')
    result = run(tmp_path, source, [events.function_url("GET", "/many")])
    (request,) = result.replies
    assert (request.verb, result.exit_code) == ("init/error", 1)
    assert json.loads(request.body)["errorType"] == "ApplicationStartupFailed"
    assert "no database" in json.loads(request.body)["errorMessage"]


PLAIN_ASGI = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    {code}
class App:
    async def __call__(self, scope, receive, send):
        await app(scope, receive, send)
application = App()
"""
START = 'await send({"type": "http.response.start", "status": 200, "headers": []})'
BODY = 'await send({"type": "http.response.body", "body": b"x"})'


def test_application_may_lack_lifespan(tmp_path: Path) -> None:
    """An application that raises on the lifespan scope works, and registers no extension."""
    source = PLAIN_ASGI.replace("{code}", f"{START}; {BODY}")
    result = run(tmp_path, source, [events.function_url("GET", "/")], "app.application")
    assert body(answer(result)) == b"x"
    assert result.requests[0].verb == "next"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pass", "before its response was complete"),
        (START, "before its response was complete"),
        (BODY, "'http.response.body' out of order"),
        (f"{START}; {START}", "'http.response.start' out of order"),
        ("raise ValueError('mine')", "mine"),
    ],
)
@pytest.mark.parametrize("stream", ["0", "1"])
def test_protocol_violation_is_an_error(tmp_path: Path, code: str, message: str, stream: str) -> None:
    """An application that violates ASGI fails the invocation with an ordinary error."""
    source = PLAIN_ASGI.replace("{code}", code)
    sent = [events.function_url("GET", "/")]
    (request,) = run(tmp_path, source, sent, "app.application", APP_STREAM=stream).replies
    assert request.verb == "error"
    assert message in json.loads(request.body)["errorMessage"]


def test_error_after_response_is_logged(tmp_path: Path) -> None:
    """An error after a complete response is logged, and the caller gets the response."""
    result = run(tmp_path, STARLETTE, [events.function_url("GET", "/fail")] * 2)
    assert [answer(result, number)["statusCode"] for number in (0, 1)] == [500, 500]
    assert result.stdout.count(b"[ERROR] ValueError: no") == 2


@pytest.mark.parametrize("stream", ["0", "1"])
def test_background_tasks_end_in_their_invocation(tmp_path: Path, stream: str) -> None:
    """Background tasks end before their invocation does, without a warning."""
    result = run(tmp_path, STARLETTE, [events.function_url("GET", "/background")] * 2, APP_STREAM=stream)
    assert result.stdout.count(b"in the background") == 2
    assert b"outlives" not in result.stdout


@pytest.mark.parametrize(
    ("source", "handler", "options"),
    [
        ("from mangum import Mangum\n" + STARLETTE + "\nhandler = Mangum(app)", "app.handler", {}),
        (
            "from apig_wsgi import make_lambda_handler\n" + FLASK + "\nhandler = make_lambda_handler(app)",
            "app.handler",
            {},
        ),
        (STARLETTE + "\ndef handler(event, context): return {'statusCode': 200, 'body': 'mine'}", "app.handler", {}),
    ],
    ids=["mangum", "apig-wsgi", "plain"],
)
def test_handlers_are_not_applications(tmp_path: Path, source: str, handler: str, options: dict[str, str]) -> None:
    """Adapters of other packages and plain functions are called with the event."""
    result = run(tmp_path, source, [events.function_url("GET", "/many")], handler, **options)
    assert answer(result)["statusCode"] == 200


def test_setting_decides_about_applications(tmp_path: Path) -> None:
    """The setting APP makes a function an application, or an application a handler."""
    wsgi = "def app(environ, start_response):\n    start_response('201 Created', [])\n    return [b'x']\n"
    assert answer(run(tmp_path, wsgi, [events.function_url("GET", "/p")], APP="wsgi"))["statusCode"] == 201
    asgi = PLAIN_ASGI.replace("{code}", f"{START}; {BODY}")
    assert body(answer(run(tmp_path, asgi, [events.function_url("GET", "/p")], APP="asgi"))) == b"x"
    (request,) = run(tmp_path, FLASK, [events.function_url("GET", "/many")], APP="handler").replies
    assert request.verb == "error"


@pytest.mark.parametrize(
    ("code", "status", "content"),
    [
        ("w = start_response('200 OK', []); w(b'written '); return [b'returned']", 200, b"written returned"),
        ("start_response('200 OK', []); start_response('500 x', [], exc_info(ValueError)); return [b'e']", 500, b"e"),
        ("start_response('204 No Content', []); return []", 204, b""),
        ("start_response('200 OK', []); return iter([b'', b'a', b'', b'b'])", 200, b"ab"),
        ("w = start_response('200 OK', [('x-a', '\u20ac')]); w(b''); return [b'a']", 200, b"a"),
    ],
)
@pytest.mark.parametrize("stream", ["0", "1"])
def test_wsgi_features_are_supported(tmp_path: Path, code: str, status: int, content: bytes, stream: str) -> None:
    """WSGI applications may use `write`, a second `start_response`, empty bodies and empty chunks."""
    lines = "\n    ".join(code.split("; "))
    source = f"""
import sys
def exc_info(kind):
    try: raise kind
    except kind: return sys.exc_info()
def app(environ, start_response):
    {lines}
"""
    (request,) = run(tmp_path, source, [events.function_url("GET", "/")], APP="wsgi", APP_STREAM=stream).replies
    assert request.verb == "response"
    if stream == "1":
        prelude, _, streamed = request.body.partition(b"\0" * 8)
        assert (json.loads(prelude)["statusCode"], streamed) == (status, content)
    else:
        reply = json.loads(request.body)
        assert (reply["statusCode"], body(reply)) == (status, content)


MISTAKES = {
    "return [b'x']": ("AssertionError", "the application returned without calling start_response"),
    "start_response('200 OK', []); start_response('500 x', []); return []": (
        "AssertionError",
        "start_response was called twice without exc_info",
    ),
    "start_response('200 OK', []); yield b'a'; start_response('500 x', [], exc_info(ValueError))": ("ValueError", ""),
}


@pytest.mark.parametrize("code", MISTAKES)
@pytest.mark.parametrize("stream", ["0", "1"])
def test_mistakes_of_wsgi_applications_are_errors(tmp_path: Path, code: str, stream: str) -> None:
    """An application that does not start its response, or starts it twice, is an error, as in PEP 3333."""
    lines = "\n    ".join(code.split("; "))
    source = f"""
import sys
def exc_info(kind):
    try: raise kind
    except kind: return sys.exc_info()
def app(environ, start_response):
    {lines}
"""
    (request,) = run(tmp_path, source, [events.function_url("GET", "/")], APP="wsgi", APP_STREAM=stream).replies
    kind, message = MISTAKES[code]
    if "yield" in code and stream == "1":
        assert dict(request.trailers)["Lambda-Runtime-Function-Error-Type"] == f"Function.{kind}"
    else:
        error = json.loads(request.body)
        assert (request.verb, error["errorType"], error["errorMessage"]) == ("error", kind, message)


def test_wsgi_body_for_head_is_left_out(tmp_path: Path) -> None:
    """The body of a response to HEAD is made and left out."""
    source = """
def app(environ, start_response):
    start_response("200 OK", [("content-length", "2")])
    yield b"a"
    print("made")
    yield b"b"
"""
    for stream in ("0", "1"):
        result = run(tmp_path, source, [events.function_url("HEAD", "/")], APP="wsgi", APP_STREAM=stream)
        (request,) = result.replies
        assert request.verb == "response" and b"made\n" in result.stdout
        assert request.body.endswith(b"\0" * 8) if stream == "1" else json.loads(request.body)["body"] == ""


def test_wsgi_iterable_is_closed(tmp_path: Path) -> None:
    """The iterable of a WSGI application is closed if it raises."""
    source = """
class Body:
    def __iter__(self):
        yield b"x"
        raise ValueError("in the middle")
    def close(self): print("closed")
def app(environ, start_response):
    start_response("200 OK", [])
    return Body()
"""
    for stream in ("0", "1"):
        result = run(tmp_path, source, [events.function_url("GET", "/")], APP="wsgi", APP_STREAM=stream)
        assert result.stdout.count(b"closed\n") == 1
