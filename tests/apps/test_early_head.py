"""The head of a stream leaves when the application has sent it, not with the first chunk."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import write_app
from tests.support.client_process import LITE, Run, run_client

ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
# The application opens the gate for reading; the test opens it for writing when the first chunk, the head, has arrived.
ASGI = """
import asyncio
from awslambdaric_lite._handlers import asgi
asgi._HEAD_WAITS_S = {wait}
def gate(): open("gate").close()
async def app(scope, receive, send):
    assert scope["type"] == "http"
    headers = [(b"content-type", b"{kind}")]
    await send({{"type": "http.response.start", "status": 201, "headers": headers}})
    await asyncio.to_thread(gate)
    {then}
    await send({{"type": "http.response.body", "body": b"body"}})
"""
GENERATOR = """
from awslambdaric_lite import StreamingResponse
{coroutine}def rows():
    open("gate").close()
    {then}
    yield b"body"
def handler(event, context):
    return StreamingResponse(rows(), 201, {{"content-type": "{kind}"}}, head_first=True)
"""


def run(tmp_path: Path, source: str, handler: str = "app.app") -> Run:
    """Run one request; open the gate when its first chunk has arrived."""
    write_app(tmp_path, source)
    os.mkfifo(tmp_path / "gate")
    opened: list[bytes] = []

    def on_chunk(chunk: bytes) -> None:
        if not opened:
            (tmp_path / "gate").open("w").close()
        opened.append(chunk)

    event = Event(json.dumps(events.function_url("GET", "/")).encode())
    env = {"AWSLAMBDARIC_LITE_APP_STREAM": "1"}
    return run_client(LITE, handler, [event], task_root=tmp_path, env=env, on_chunk=on_chunk)


SOURCES = {
    "plain text": (ASGI.replace("{wait}", "0.05").replace("{kind}", "text/plain"), "app.app"),
    "event stream": (ASGI.replace("{wait}", "3600").replace("{kind}", "Text/Event-Stream; charset=utf-8"), "app.app"),
    "generator": (GENERATOR.replace("{coroutine}", "").replace("{kind}", "text/plain"), "app.handler"),
    "async generator": (GENERATOR.replace("{coroutine}", "async ").replace("{kind}", "text/plain"), "app.handler"),
}
sources = pytest.mark.parametrize(("source", "handler"), SOURCES.values(), ids=SOURCES)


@sources
def test_head_leaves_before_first_chunk(tmp_path: Path, source: str, handler: str) -> None:
    """Status and headers arrive while the application still waits with its first chunk."""
    (request,) = run(tmp_path, source.format(then="pass"), handler).replies
    head, body = request.chunks
    assert json.loads(head.rstrip(b"\0"))["statusCode"] == 201
    assert body == b"body"
    assert not request.trailers


@sources
def test_error_after_head_is_in_trailers(tmp_path: Path, source: str, handler: str) -> None:
    """An error after the head, before the first chunk, ends the stream and is reported in its trailers."""
    (request,) = run(tmp_path, source.format(then='raise ValueError("late")'), handler).replies
    assert (request.verb, len(request.chunks)) == ("response", 1)
    assert json.loads(base64.b64decode(dict(request.trailers)[ERROR_BODY]))["errorMessage"] == "late"


@pytest.mark.parametrize("kind", ["text/plain", "text/event-stream"])
def test_error_that_follows_the_head_is_ordinary(tmp_path: Path, kind: str) -> None:
    """An error that the application raises right after its head is an ordinary error, because nothing was sent."""
    source = ASGI.replace("    await asyncio.to_thread(gate)\n", "").replace("{wait}", "3600").replace("{kind}", kind)
    (request,) = run(tmp_path, source.format(then='raise ValueError("soon")')).replies
    assert request.verb == "error"
    assert json.loads(request.body)["errorMessage"] == "soon"


def test_head_waits_for_chunk_that_comes_soon(tmp_path: Path) -> None:
    """A chunk that follows the head soon leaves with it, and an empty response leaves whole."""
    source = ASGI.replace("    await asyncio.to_thread(gate)\n", "    await asyncio.sleep(0.001)\n")
    write_app(tmp_path, source.format(wait=3600, kind="text/plain", then="pass"))
    event = Event(json.dumps(events.function_url("GET", "/")).encode())
    empty = Event(json.dumps(events.function_url("HEAD", "/")).encode())
    env = {"AWSLAMBDARIC_LITE_APP_STREAM": "1"}
    first, second = run_client(LITE, "app.app", [event, empty], task_root=tmp_path, env=env).replies
    assert first.chunks[1:] == (b"body",)
    assert len(second.chunks) == 1
