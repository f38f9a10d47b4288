"""Requests and applications end: clients disconnect, applications raise, SIGTERM arrives."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.conformance.recorder import Recorder
from tests.apps.applications import STARLETTE
from tests.process.lite import write_app
from tests.process.test_shutdown import terminated
from tests.support.client_process import GUARD, LITE, ClientProcess, Run, environment, run_client

ENDLESS = {
    "starlette": """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
async def endless(request):
    async def chunks():
        try:
            while True: yield b"x" * 1000
        finally: print("cleaned up")
    return StreamingResponse(chunks())
async def other(request): return PlainTextResponse("other")
app = Starlette(routes=[Route("/endless", endless), Route("/other", other)])
""",
    "flask": """
from flask import Flask, Response
app = Flask(__name__)
@app.route("/endless")
def endless():
    def chunks():
        try:
            while True: yield b"x" * 1000
        finally: print("cleaned up")
    return Response(chunks())
@app.route("/other")
def other(): return "other"
""",
    "ignores cancellation": """
import asyncio
class App:
    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200})
        if scope["path"] == "/other":
            return await send({"type": "http.response.body", "body": b"other"})
        await receive()
        while True:
            try:
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            except asyncio.CancelledError:
                pass
            except OSError:
                assert (await receive())["type"] == "http.disconnect"
                print("cleaned up")
                raise
app = App()
""",
}


def event(path: str, method: str = "GET", **further: object) -> Event:
    """Return the event of a request through a function URL."""
    return Event(json.dumps(events.function_url(method, path, **further)).encode())  # type: ignore[arg-type]


def run(tmp_path: Path, source: str, *sent: Event, stream: str = "0", app: str = "auto") -> Run:
    """Send requests to an application."""
    write_app(tmp_path, source)
    env = {"AWSLAMBDARIC_LITE_APP_STREAM": stream, "AWSLAMBDARIC_LITE_APP": app}
    return run_client(LITE, "app.app", sent, task_root=tmp_path, env=env)


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_disconnected_client_ends_the_response(tmp_path: Path, source: str) -> None:
    """If the client disconnects, the application cleans up in its invocation, and the next request is answered."""
    write_app(tmp_path, source)
    count = 0

    def on_chunk(chunk: bytes) -> None:
        nonlocal count
        count += 1
        if count == 5:
            raise ConnectionResetError

    with Recorder([event("/endless"), event("/other")], on_chunk=on_chunk) as recorder:
        env = environment(recorder.address, "app.app", tmp_path, {"AWSLAMBDARIC_LITE_APP_STREAM": "1"})
        with ClientProcess([*LITE, "app.app"], env, tmp_path) as client:
            client.stdout.wait_for(b"cut the streamed response off")
            assert recorder.finished.wait(GUARD)
            client.kill()
            result = client.result(recorder)
    text = result.stdout.decode()
    assert text.count("cleaned up") == 1 and text.index("cleaned up") < text.index("cut the streamed response off")
    assert "outlives" not in text and result.stderr == b""
    (request,) = result.replies
    assert request.body.endswith(b"\0other")


ASGI_FAILS = """
class App:
    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http"
        if scope["path"] == "/late":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise ValueError("mine")
app = App()
"""
WSGI_FAILS = """
def app(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] != "/late": raise ValueError("mine")
    def late():
        yield b"x"
        raise ValueError("mine")
    return late()
"""


@pytest.mark.parametrize("path", ["/early", "/late"])
@pytest.mark.parametrize("stream", ["0", "1"])
@pytest.mark.parametrize("gateway", ["asgi", "wsgi"])
def test_error_has_only_application_frames(tmp_path: Path, gateway: str, stream: str, path: str) -> None:
    """The stack trace of an error has only the application's frames."""
    source = {"asgi": ASGI_FAILS, "wsgi": WSGI_FAILS}[gateway]
    (request,) = run(tmp_path, source, event(path), stream=stream, app=gateway).replies
    late = stream == "1" and path == "/late"
    body = dict(request.trailers)["Lambda-Runtime-Function-Error-Body"] if late else ""
    error = json.loads(base64.b64decode(body) if late else request.body)
    assert error["errorType"] == "ValueError"
    assert "app.py" in error["stackTrace"][0], error["stackTrace"]
    assert len(error["stackTrace"]) == 1


HEADS = {
    "asgi": """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"body"})
""",
    "wsgi": """
def app(environ, start_response):
    start_response("200 OK", [("content-length", "4")])
    yield b"body"
""",
}


@pytest.mark.parametrize("stream", ["0", "1"])
@pytest.mark.parametrize("gateway", ["asgi", "wsgi"])
def test_head_response_has_no_body(tmp_path: Path, gateway: str, stream: str) -> None:
    """The response to HEAD has the headers of GET and no body."""
    (request,) = run(tmp_path, HEADS[gateway], event("/", "HEAD"), stream=stream, app=gateway).replies
    if stream == "1":
        assert request.body == b'{"statusCode":200,"headers":{"content-length":"4"}}' + b"\0" * 8
    else:
        answer = json.loads(request.body)
        assert (answer["body"], answer["headers"]) == ("", {"content-length": "4"})


@pytest.mark.parametrize("stream", ["0", "1"])
def test_not_modified_response_has_no_body(tmp_path: Path, stream: str) -> None:
    """A response with status 304 has no body."""
    source = HEADS["wsgi"].replace("200 OK", "304 Not Modified").replace('yield b"body"', "return []")
    (request,) = run(tmp_path, source, event("/"), stream=stream, app="wsgi").replies
    assert json.loads(request.body.partition(b"\0")[0])["statusCode"] == 304
    assert (stream == "0") == (b'"body":""' in request.body)


def test_large_body_arrives_whole(tmp_path: Path) -> None:
    """A body of 4 MB reaches the application and the caller whole."""
    source = """
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def echo(request): return Response(await request.body(), media_type="application/octet-stream")
app = Starlette(routes=[Route("/", echo, methods=["POST"])])
"""
    content = bytes(range(256)) * (1 << 14)
    (request,) = run(tmp_path, source, event("/", "POST", body=content)).replies
    assert base64.b64decode(json.loads(request.body)["body"]) == content


def test_receive_waits_for_disconnect(tmp_path: Path) -> None:
    """A second `receive` waits until the response is complete, then returns a disconnect."""
    source = """
import asyncio
async def app(scope, receive, send):
    assert scope["type"] == "http"
    first = await receive()
    second = asyncio.ensure_future(receive())
    await asyncio.sleep(0.01)
    assert not second.done()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": first["body"]})
    print((await second)["type"])
"""
    result = run(tmp_path, source, event("/", "POST", body="text"), app="asgi")
    assert result.stdout == b"http.disconnect\n"
    assert result.replies[0].verb == "response"


@pytest.mark.parametrize("arguments", ["event, context", "event, context, database=None"])
def test_callable_object_may_be_a_handler(tmp_path: Path, arguments: str) -> None:
    """An object whose `__call__` takes an event and a context is a handler and not an application."""
    source = f"class Handler:\n    async def __call__(self, {arguments}): return 'mine'\napp = Handler()\n"
    assert run(tmp_path, source, event("/")).replies[0].body == b'"mine"'


def test_lifespan_ends_at_sigterm(tmp_path: Path) -> None:
    """SIGTERM runs the shutdown of the lifespan, and the process exits with 0."""
    source = STARLETTE + "\nhandler = app\n"
    result = terminated(tmp_path, source, [event("/many")])
    assert result.stdout.split() == [b"startup", b"shutdown"]
    assert (result.exit_code, result.stderr) == (0, b"")


def test_lifespan_ends_during_request(tmp_path: Path) -> None:
    """SIGTERM runs the shutdown of the lifespan while a request waits, and nothing is posted."""
    source = STARLETTE.replace(
        "async def many(request):", "async def many(request):\n    print('begun', flush=True)\n    await sleep(60)"
    )
    source = f"from asyncio import sleep\n{source}\nhandler = app\n"
    result = terminated(
        tmp_path, source, [event("/many")], when=lambda client, recorder: client.stdout.wait_for(b"begun\n")
    )
    assert result.stdout.split() == [b"startup", b"begun", b"shutdown"]
    assert (result.replies, result.exit_code) == ([], 0)


@pytest.mark.parametrize(
    ("end", "logged"),
    [
        ("return", b""),
        ("raise ValueError", b""),
        ("await receive(); await send({'type': 'lifespan.shutdown.failed', 'message': 'no'})", b"shut down: no"),
        ("await receive(); raise ValueError", b""),
    ],
)
def test_failing_lifespan_does_not_stop_exit(tmp_path: Path, end: str, logged: bytes) -> None:
    """SIGTERM ends the process with 0 if the lifespan has ended, fails or raises."""
    source = f"""
class App:
    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({{"type": "lifespan.startup.complete"}})
            {end}
handler = App()
"""
    result = terminated(tmp_path, source, [])
    assert result.exit_code == 0
    assert logged in result.stdout and bool(logged) == bool(result.stdout)
