"""Real frameworks, real processes, events of every front."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite import events
from tests.apps.applications import DJANGO, FASTAPI, FLASK, STARLETTE
from tests.process.lite import write_app
from tests.support.client_process import LITE, Run, run_client
from tests.support.recorder import Event

Build = Callable[..., dict[str, Any]]
FRONTS: dict[str, Build] = {
    "function url": events.function_url,
    "http api": events.api_gateway_v2,
    "rest api": events.api_gateway_v1,
    "load balancer": events.alb,
    "load balancer, multi-value": lambda *arguments, **named: events.alb(*arguments, multi_value=True, **named),
}
fronts = pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
frameworks = pytest.mark.parametrize("source", [STARLETTE, FLASK], ids=["starlette", "flask"])


def run(tmp_path: Path, source: str, sent: Sequence[object], handler: str = "app.app", **env: str) -> Run:
    """Send events to an application."""
    write_app(tmp_path, source)
    variables = {f"AWSLAMBDARIC_LITE_{name}": value for name, value in env.items()}
    given = [Event(json.dumps(event).encode()) for event in sent]
    return run_client(LITE, handler, given, task_root=tmp_path, env=variables)


def answer(result: Run, number: int = 0) -> dict[str, Any]:
    """The answer to an event."""
    request = result.replies[number]
    assert request.verb == "response", request.body
    value: dict[str, Any] = json.loads(request.body)
    return value


def body(reply: dict[str, Any]) -> bytes:
    """The body of an answer."""
    text: str = reply["body"]
    return base64.b64decode(text) if reply["isBase64Encoded"] else text.encode()


def fields(reply: dict[str, Any], name: str) -> list[str]:
    """All values of a header, wherever the front wants them."""
    found = [value for key, value in reply.get("headers", {}).items() if key.lower() == name]
    found += reply.get("multiValueHeaders", {}).get(name, [])
    if name == "set-cookie":
        found += reply.get("cookies", [])
    return [part.strip() for value in found for part in (value.split(",") if name == "x-a" else [value])]


@frameworks
@fronts
def test_what_the_application_is_told(tmp_path: Path, source: str, build: Build) -> None:
    """Method, path, query, headers, cookies, body and the event itself."""
    event = build(
        "POST",
        "/tell/a%20b/c%C3%A9?x=1&y=a%20b",
        headers={"x-many": "one", "content-type": "text/plain", "cookie": "a=1; b=2"},
        body=b"\x00\xff binary",
    )
    told = json.loads(body(answer(run(tmp_path, source, [event]))))
    assert told["method"] == "POST"
    assert told["path"] in ("/tell/a b/cé", "/tell/a%20b/c%C3%A9")
    assert told["query"].replace("+", "%20") == "x=1&y=a%20b"
    assert told["body"] == "\x00\xff binary"
    assert told["cookies"] == {"a": "1", "b": "2"}
    assert told["x"] == ["one"]
    assert told["scheme"] == "https"
    assert told["client"]
    assert told["function"] == "function"
    assert told["event"] == sorted(event)


@frameworks
@fronts
def test_repeated_headers_and_cookies(tmp_path: Path, source: str, build: Build) -> None:
    """All of them reach the front."""
    reply = answer(run(tmp_path, source, [build("GET", "/many")]))
    assert reply["statusCode"] == 200
    assert [cookie.partition(";")[0] for cookie in fields(reply, "set-cookie")] == ["a=1", "b=2"]
    assert fields(reply, "x-a") == ["1", "2"]
    assert (body(reply), reply["isBase64Encoded"]) == (b"ok", False)


@frameworks
@fronts
def test_binary_and_missing(tmp_path: Path, source: str, build: Build) -> None:
    """Bytes travel as base64; a status is a status."""
    result = run(tmp_path, source, [build("GET", "/binary"), build("GET", "/nowhere")])
    assert body(answer(result)) == bytes(range(256))
    assert answer(result, 1)["statusCode"] == 404


@frameworks
@pytest.mark.parametrize("front", ["function url", "rest api"])
def test_streamed(tmp_path: Path, source: str, front: str) -> None:
    """With APP_STREAM=1: prelude, then the chunks as the application makes them."""
    sent = [FRONTS[front]("GET", "/stream"), FRONTS[front]("GET", "/many"), FRONTS[front]("GET", "/stream?fail=1")]
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
@pytest.mark.parametrize("front", ["http api", "load balancer"])
def test_fronts_that_cannot_stream(tmp_path: Path, source: str, front: str) -> None:
    """Get the whole answer, whatever was set."""
    reply = answer(run(tmp_path, source, [FRONTS[front]("GET", "/stream")], APP_STREAM="1"))
    assert body(reply) == b"0\n1\n2\n"


@frameworks
def test_an_event_that_is_no_request(tmp_path: Path, source: str) -> None:
    """Says which ones are."""
    (request,) = run(tmp_path, source, [{"Records": []}]).replies
    error = json.loads(request.body)
    assert error["errorType"] == "ValueError" and "function URL" in error["errorMessage"]


def test_fastapi(tmp_path: Path) -> None:
    """Routing, parsing and answers of a FastAPI application, validation included."""
    sent = [
        events.function_url("POST", "/items/7?q=x", body={"a": [1]}),
        events.function_url("POST", "/items/seven", body={}),
    ]
    result = run(tmp_path, FASTAPI, sent)
    assert json.loads(body(answer(result))) == {"number": 7, "q": "x", "json": {"a": [1]}}
    assert answer(result, 1)["statusCode"] == 422


@pytest.mark.parametrize("gateway", ["asgi", "wsgi"])
def test_django(tmp_path: Path, gateway: str) -> None:
    """Both of Django's gateways, recognised by themselves."""
    event = events.api_gateway_v2("POST", "/tell/a?x=1", body="text", headers={"content-type": "text/plain"})
    result = run(tmp_path, DJANGO.replace("{gateway}", gateway), [event, event])
    told = {"method": "POST", "path": "/tell/a", "query": "x=1", "body": "text"}
    assert [json.loads(body(answer(result, number))) for number in (0, 1)] == [told] * 2


def test_lifespan(tmp_path: Path) -> None:
    """Startup in init, once; the state is in each request; having one asks for a shutdown."""
    result = run(tmp_path, STARLETTE, [events.function_url("GET", "/tell/x")] * 2)
    assert result.stdout.count(b"startup") == 1
    assert [json.loads(body(answer(result, number)))["started"] for number in (0, 1)] == [True, True]
    assert result.requests[0].path.endswith("/extension/register")


def test_a_failing_startup(tmp_path: Path) -> None:
    """Is an init error, and the process ends."""
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


def test_an_application_without_lifespan(tmp_path: Path) -> None:
    """One that raises on that scope has none, and nobody registers for its shutdown."""
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
def test_what_an_application_does_wrong(tmp_path: Path, code: str, message: str, stream: str) -> None:
    """Is an ordinary error of the invocation."""
    source = PLAIN_ASGI.replace("{code}", code)
    sent = [events.function_url("GET", "/")]
    (request,) = run(tmp_path, source, sent, "app.application", APP_STREAM=stream).replies
    assert request.verb == "error"
    assert message in json.loads(request.body)["errorMessage"]


def test_an_error_after_the_answer_is_logged(tmp_path: Path) -> None:
    """Starlette answers 500 and then raises: the caller has the 500, the log the reason."""
    result = run(tmp_path, STARLETTE, [events.function_url("GET", "/fail")] * 2)
    assert [answer(result, number)["statusCode"] for number in (0, 1)] == [500, 500]
    assert result.stdout.count(b"[ERROR] ValueError: no") == 2


@pytest.mark.parametrize("stream", ["0", "1"])
def test_background_tasks_belong_to_the_invocation(tmp_path: Path, stream: str) -> None:
    """They have run when it is over, and are no leftovers."""
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
def test_handlers_are_handlers(tmp_path: Path, source: str, handler: str, options: dict[str, str]) -> None:
    """Adapters of others, and plain functions, are called with the event."""
    result = run(tmp_path, source, [events.function_url("GET", "/many")], handler, **options)
    assert answer(result)["statusCode"] == 200


def test_said_explicitly(tmp_path: Path) -> None:
    """A plain function is an application if it is said to be one, and nothing is with `handler`."""
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
    ],
)
@pytest.mark.parametrize("stream", ["0", "1"])
def test_the_ways_of_wsgi(tmp_path: Path, code: str, status: int, content: bytes, stream: str) -> None:
    """`write`, a second `start_response` with an error, no body, empty chunks."""
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


def test_the_iterable_is_closed(tmp_path: Path) -> None:
    """Whatever happens."""
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
