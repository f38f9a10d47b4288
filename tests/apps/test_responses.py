"""Responses of applications keep what belongs to the message, and bodies that are text stay text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite._handlers.http_request import HttpRequest
from tests.apps.test_frameworks import INTEGRATIONS, Build, answer, body, fields, run

WSGI = """
def app(environ, start_response):
    start_response("{status}", [
        ("X-A", "1"), ("Connection", "close"), ("Keep-Alive", "timeout=5"), ("Transfer-Encoding", "chunked"),
        ("Set-Cookie", "a=1"), ("Content-Type", "text/plain")])
    return [b"body"]
"""
ASGI = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({{"type": "http.response.start", "status": int("{status}"[:3]), "headers": [
        (b"x-a", b"1"), (b"connection", b"close"), (b"keep-alive", b"timeout=5"), (b"Transfer-Encoding", b"chunked"),
        (b"set-cookie", b"a=1"), (b"content-type", b"text/plain")]}})
    await send({{"type": "http.response.body", "body": b"body"}})
"""
gateways = pytest.mark.parametrize("source", [ASGI, WSGI], ids=["asgi", "wsgi"])


@gateways
@pytest.mark.parametrize("build", INTEGRATIONS.values(), ids=INTEGRATIONS)
def test_fields_of_connection_are_dropped(tmp_path: Path, source: str, build: Build) -> None:
    """Each integration gets the fields of the message, without those of the application's connection."""
    reply = answer(run(tmp_path, source.format(status="200 OK"), [build("GET", "/")]))
    for name in ("connection", "keep-alive", "transfer-encoding"):
        assert fields(reply, name) == []
    assert (fields(reply, "x-a"), fields(reply, "set-cookie"), body(reply)) == (["1"], ["a=1"], b"body")


@gateways
def test_fields_of_connection_are_dropped_from_streams(tmp_path: Path, source: str) -> None:
    """The prelude of a stream has no fields of the application's connection either."""
    result = run(tmp_path, source.format(status="200 OK"), [events.function_url("GET", "/")], APP_STREAM="1")
    prelude, _, streamed = result.replies[0].body.partition(b"\0" * 8)
    assert json.loads(prelude)["headers"] == {"x-a": "1", "content-type": "text/plain"}
    assert streamed == b"body"


@gateways
@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "304 Not Modified"])
@pytest.mark.parametrize("stream", ["0", "1"], ids=["buffered", "streamed"])
def test_statuses_without_content_have_no_body(tmp_path: Path, source: str, status: str, stream: str) -> None:
    """The body that an application sends with such a status is dropped."""
    result = run(tmp_path, source.format(status=status), [events.function_url("GET", "/")], APP_STREAM=stream)
    reply = result.replies[0]
    assert reply.verb == "response"
    prelude, _, streamed = reply.body.partition(b"\0" * 8)
    head = json.loads(prelude)
    assert head["statusCode"] == int(status[:3])
    assert (streamed, head.get("body", "")) == (b"", "")


@pytest.mark.parametrize("build", INTEGRATIONS.values(), ids=INTEGRATIONS)
@pytest.mark.parametrize(
    ("headers", "content", "is_text"),
    [
        ({"content-type": "application/x-ndjson"}, b'{"a": 1}\n', True),
        ({"content-type": "application/jsonl; charset=utf-8"}, b'{"a": 1}\n', True),
        ({"content-type": "application/yaml"}, "a: é\n".encode(), True),
        ({"content-type": "Application/X-YAML"}, b"a: 1\n", True),
        ({"content-type": "application/vnd.oai.openapi+yaml"}, b"a: 1\n", True),
        ({"content-type": "application/toml"}, b"a = 1\n", True),
        ({}, b"no type", True),
        ({}, b"\xff\xfe", False),
        ({"content-type": "application/yaml"}, b"\xff", False),
        ({"content-type": "application/octet-stream"}, b"text", False),
        ({"content-type": "text/plain", "content-encoding": "identity"}, b"plain", True),
        ({"content-type": "text/plain", "content-encoding": " Identity "}, b"plain", True),
        ({"content-type": "text/plain", "content-encoding": "gzip"}, b"plain", False),
        ({"content-type": "application/vnd.openxmlformats-officedocument"}, b"PK", False),
    ],
)
def test_text_is_not_base64(build: Build, headers: dict[str, str], content: bytes, is_text: bool) -> None:
    """A body of a type that is text, or of none, is text if it is UTF-8; any other body is base64."""
    reply = HttpRequest(build("GET", "/")).render(200, list(headers.items()), content)
    assert reply["isBase64Encoded"] is not is_text
    assert body(reply) == content
