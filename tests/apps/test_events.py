"""Events that are not HTTP requests reach an application by POST, and its response is the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite import events
from tests.apps.test_frameworks import answer, body, run

STARLETTE = """
import json
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

async def events(request):
    event = await request.json()
    assert event == request.scope["aws.event"]
    assert request.headers["content-type"] == "application/json" and request.client is None
    if "Records" in event:
        failed = [each["messageId"] for each in event["Records"] if each["body"] == "bad"]
        return JSONResponse({"batchItemFailures": [{"itemIdentifier": each} for each in failed]})
    if "requestContext" in event:
        status = 403 if event["requestContext"]["routeKey"] == "$connect" else 200
        return PlainTextResponse(f"echo {event.get('body')}", status, {"sec-websocket-protocol": "a"})
    return Response(event["body"].encode(), event.get("status", 200), media_type=event.get("type"))

async def other(request): return PlainTextResponse(f"{request.method} {request.url.path}")

app = Starlette(routes=[Route("/eve nts", events, methods=["POST"]), Route("/{rest:path}", other)])
"""
FLASK = """
from flask import Flask, Response, request, jsonify
app = Flask(__name__)

@app.post("/eve nts")
def events():
    event = request.get_json()
    assert event == request.environ["apig_wsgi.full_event"]
    assert not request.remote_addr and request.environ["apig_wsgi.request_context"] == event.get("requestContext", {})
    if "Records" in event:
        failed = [each["messageId"] for each in event["Records"] if each["body"] == "bad"]
        return jsonify(batchItemFailures=[{"itemIdentifier": each} for each in failed])
    if "requestContext" in event:
        status = 403 if event["requestContext"]["routeKey"] == "$connect" else 200
        return Response(f"echo {event.get('body')}", status, {"sec-websocket-protocol": "a"}, "text/plain")
    return Response(event["body"], event.get("status", 200), content_type=event.get("type"))

@app.get("/<path:rest>")
def other(rest): return f"GET {request.path}"
"""
frameworks = pytest.mark.parametrize("source", [STARLETTE, FLASK], ids=["starlette", "flask"])
PATH = {"APP_EVENTS_PATH": "/eve%20nts"}


@frameworks
@pytest.mark.parametrize("stream", ["0", "1"])
def test_value_of_the_response_is_the_result(tmp_path: Path, source: str, stream: str) -> None:
    """The JSON value of the body is the result, other text is text, an empty body is null; HTTP requests go on."""
    batch = events.sqs("good", "bad", message_ids=["1", "2"])
    given: list[tuple[Any, Any]] = [
        (batch, {"batchItemFailures": [{"itemIdentifier": "2"}]}),
        ({"body": '{"größe": [1.5, 12345678901234567890123, null]}'}, {"größe": [1.5, 12345678901234567890123, None]}),
        ({"body": "ok é", "type": "text/plain"}, "ok é"),
        ({"body": ""}, None),
        ({"body": "", "status": 204}, None),
        ({"body": "0", "status": 202}, 0),
    ]
    result = run(tmp_path, source, [event for event, _ in given], APP_STREAM=stream, **PATH)
    assert [json.loads(reply.body) for reply in result.replies] == [value for _, value in given]
    assert {reply.verb for reply in result.replies} == {"response"}
    reply = answer(run(tmp_path, source, [events.function_url("GET", "/page")], **PATH))
    assert (reply["statusCode"], reply["body"]) == (200, "GET /page")


@frameworks
@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_other_status_fails_the_invocation(tmp_path: Path, source: str, status: int) -> None:
    """A status that is not 2xx is an error with the status and the body, so that the sender may retry."""
    sent = [{"body": "no database", "status": status}, {"body": "1"}]
    failed, succeeded = run(tmp_path, source, sent, **PATH).replies
    error = json.loads(failed.body)
    assert (failed.verb, error["errorType"]) == ("error", "EventNotProcessed")
    assert error["errorMessage"] == f"POST /eve%20nts was answered with status {status}: no database"
    assert succeeded.body == b"1"


@frameworks
def test_websocket_apis_get_the_response_itself(tmp_path: Path, source: str) -> None:
    """Each message, connect and disconnect event of a WebSocket API is posted, and its API reads the response."""
    sent = [events.websocket("$connect"), events.websocket("chat", "hello"), events.websocket("$disconnect")]
    result = run(tmp_path, source, sent, **PATH)
    assert b"ERROR" not in result.stdout
    replies = [answer(result, number) for number in range(3)]
    assert [reply["statusCode"] for reply in replies] == [403, 200, 200]
    assert [reply["body"] for reply in replies] == ["echo None", "echo hello", "echo None"]
    assert {reply["headers"]["sec-websocket-protocol"] for reply in replies} == {"a"}


ECHO = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    body = (await receive())["body"]
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    assert int(headers["content-length"]) == len(body)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize(
    "event",
    [
        *([], [1, {"a": None}], "text", 7, None, True, {}, "\ud800"),
        *({"requestContext": None}, {"requestContext": {"http": None}}, {"requestContext": "x", "requestPayload": {}}),
        *(events.scheduled(), events.s3("photos", "a b.jpg")),
    ],
)
def test_any_event_is_posted_unchanged(tmp_path: Path, event: object) -> None:
    """Any JSON value is posted as it is, whatever its type and its fields."""
    (reply,) = run(tmp_path, ECHO, [event], APP="asgi", APP_EVENTS_PATH="/").replies
    assert reply.verb == "response", reply.body
    assert json.loads(reply.body) == event


def test_response_for_a_websocket_api_may_be_in_the_body(tmp_path: Path) -> None:
    """An object with a status code in the body is what a WebSocket API reads, and other values are a body."""
    source = ECHO.replace('"body": body', '"body": json.loads(body)["body"].encode()').replace(
        "async", "import json\nasync", 1
    )
    bodies = ['{"statusCode": 403}', '{"status": 1}', "\u00ff", ""]
    result = run(tmp_path, source, [events.websocket("chat", each) for each in bodies], APP="asgi", **PATH)
    first, *others = [answer(result, number) for number in range(4)]
    assert first == {"statusCode": 403}
    assert [(each["statusCode"], body(each).decode()) for each in others] == [(200, each) for each in bodies[1:]]


def test_malformed_request_is_not_an_event(tmp_path: Path) -> None:
    """An HTTP request with a malformed field is an error that names the field, not an event."""
    event = {**events.api_gateway_v1(), "headers": ["a"], "multiValueHeaders": None}
    (reply,) = run(tmp_path, ECHO, [event], APP="asgi", **PATH).replies
    assert json.loads(reply.body)["errorMessage"].startswith("headers of the event must be an object")


def test_body_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """A response that is neither JSON nor text is an error of the invocation."""
    (reply,) = run(tmp_path, ECHO.replace('"body": body', r'"body": b"\xff"'), [{}], APP="asgi", **PATH).replies
    assert (reply.verb, json.loads(reply.body)["errorType"]) == ("error", "ValueError")


@pytest.mark.parametrize("name", ["APP_EVENTS_PATH", "APP_BASE_PATH"])
@pytest.mark.parametrize("value", ["events", "/a?b=c", "/a#b", "//a", "http://a/b"])
def test_value_that_is_not_a_path_is_ignored_with_a_line(tmp_path: Path, name: str, value: str) -> None:
    """A log line names a value that is not a path, with an example, and the setting stays unset."""
    result = run(tmp_path, ECHO, [{}], APP="asgi", **{name: value})
    assert f"AWSLAMBDARIC_LITE_{name}='{value}' is ignored: must be a path".encode() in result.stdout
    assert "AWSLAMBDARIC_LITE_APP_EVENTS_PATH" in json.loads(result.replies[0].body)["errorMessage"]
