"""Applications go on after their response: the caller has it before background tasks run."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.conformance.messages import DueEvent, Event, Request
from awslambdaric_lite.conformance.server import Reaction
from awslambdaric_lite.emulator import LocalLambda
from tests.apps.applications import DJANGO
from tests.process.lite import write_app
from tests.support.client_process import LITE, Run, run_client

# `mark` asks the Runtime API for a path that it does not have: the record shows what happened before and after.
MARK = """
import os, time, urllib.request, urllib.error
def mark(name="task"):
    try: urllib.request.urlopen(f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/{name}")
    except urllib.error.HTTPError: pass
    print("marked")
"""
APPLICATIONS = {
    "starlette": """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def root(request): return PlainTextResponse("body", background=BackgroundTask(TASK))
app = Starlette(routes=[Route("/", root)])
""",
    "starlette, blocking coroutine": """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from starlette.routing import Route
async def task(): TASK()
async def root(request):
    return StreamingResponse(iter(["bo", "dy"]), background=BackgroundTask(task))
app = Starlette(routes=[Route("/", root)])
""",
    "starlette, middleware": """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def task(): TASK()
async def root(request): return PlainTextResponse("body", background=BackgroundTask(task))
class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next): return await call_next(request)
app = Starlette(routes=[Route("/", root)], middleware=[Middleware(Passing)])
""",
    "fastapi": """
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import PlainTextResponse
app = FastAPI()
@app.get("/", response_class=PlainTextResponse)
def root(background: BackgroundTasks):
    background.add_task(TASK)
    return "body"
""",
    "asgi": """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"body"})
    TASK()
""",
    "wsgi": """
class Body:
    def __iter__(self): return iter([b"bo", b"dy"])
    def close(self): TASK()
def app(environ, start_response):
    start_response("200 OK", [])
    return Body()
""",
    "flask": """
from flask import Flask, Response
app = Flask(__name__)
@app.get("/")
def root():
    response = Response("body")
    response.call_on_close(TASK)
    return response
""",
    "django, wsgi": DJANGO.replace("{gateway}", "wsgi")
    + """
from django.core.signals import request_finished
from django.http import HttpResponse
def finished(**kwargs): TASK()
request_finished.connect(finished)
urlpatterns.append(path("", lambda request: HttpResponse("body")))
""",
    "django, asgi": DJANGO.replace("{gateway}", "asgi")
    + """
from django.core.signals import request_finished
from django.http import HttpResponse
def finished(**kwargs): TASK()
request_finished.connect(finished)
urlpatterns.append(path("", lambda request: HttpResponse("body")))
""",
}
applications = pytest.mark.parametrize("source", APPLICATIONS.values(), ids=APPLICATIONS)
both = pytest.mark.parametrize("stream", ["0", "1"], ids=["buffered", "streamed"])


def run(tmp_path: Path, source: str, *sent: Event, stream: str = "0", **env: str) -> Run:
    """Send requests to an application that calls `mark` after its response."""
    write_app(tmp_path, MARK + source)
    variables = {"AWSLAMBDARIC_LITE_APP_STREAM": stream, **{f"AWSLAMBDARIC_LITE_{key}": env[key] for key in env}}
    given = sent or (Event(json.dumps(events.function_url("GET", "/")).encode()),) * 2
    return run_client(LITE, "app.app", given, task_root=tmp_path, env=variables)


def order(result: Run) -> list[str]:
    """Return the polls, replies and marks in their order."""
    named = {"next": "poll", "response": "reply", "error": "error"}
    sent = [request.path for request in result.requests if "/extension/" not in request.path]
    return [named.get(path.rpartition("/")[2], path) for path in sent]


def content(result: Run, number: int = 0) -> bytes:
    """Return the body of the application in a reply."""
    reply = result.replies[number].body
    prelude, nul, body = reply.partition(b"\0" * 8)
    if nul:
        return body
    envelope: dict[str, Any] = json.loads(prelude)
    text: str = envelope["body"]
    return base64.b64decode(text) if envelope["isBase64Encoded"] else text.encode()


@both
@applications
def test_task_runs_between_reply_and_poll(tmp_path: Path, source: str, stream: str) -> None:
    """The Runtime API has the whole reply before the task runs, and no poll before the task has ended."""
    result = run(tmp_path, source.replace("TASK", "mark"), stream=stream)
    assert order(result) == ["poll", "reply", "/task", "poll", "reply", "/task", "poll"]
    assert [content(result, number) for number in (0, 1)] == [b"body", b"body"]
    assert b"outlives" not in result.stdout and b"ERROR" not in result.stdout


@both
@applications
def test_failing_task_changes_nothing(tmp_path: Path, source: str, stream: str) -> None:
    """An exception of the task is logged with its invocation's id; the reply and the next invocation are as without."""
    failing = "def fail(): raise ValueError('in the task')\n" + source.replace("TASK", "fail")
    result = run(tmp_path, failing, stream=stream)
    assert order(result) == ["poll", "reply", "poll", "reply", "poll"]
    assert [content(result, number) for number in (0, 1)] == [b"body", b"body"]
    assert all(not request.trailers for request in result.replies)
    assert result.stdout.count(b"ValueError: in the task") == 2


@both
@pytest.mark.parametrize("name", ["asgi", "wsgi"])
def test_sys_exit_of_task_ends_process(tmp_path: Path, name: str, stream: str) -> None:
    """`sys.exit` in a task ends the process with its code, after the reply."""
    source = "import sys\ndef leave(): sys.exit(3)\n" + APPLICATIONS[name].replace("TASK", "leave")
    result = run(tmp_path, source, stream=stream, APP=name)
    assert order(result) == ["poll", "reply"]
    assert result.exit_code == 3
    assert content(result) == b"body"


@both
def test_task_is_cancelled_before_the_deadline(tmp_path: Path, stream: str) -> None:
    """With CANCEL_AT_DEADLINE a task is cancelled before the deadline; the reply stays, and a line is logged."""
    source = APPLICATIONS["asgi"].replace("    TASK()", "    import asyncio\n    await asyncio.sleep(60)")
    event = DueEvent(json.dumps(events.function_url("GET", "/")).encode(), seconds=1.0)
    result = run(tmp_path, source, event, stream=stream, APP="asgi", CANCEL_AT_DEADLINE="1")
    assert order(result) == ["poll", "reply", "poll"]
    assert content(result) == b"body"
    assert b"before the deadline" in result.stdout


def test_timeout_dump_shows_task(tmp_path: Path) -> None:
    """The stacks before a timeout are those of a task that hangs after the response."""
    source = APPLICATIONS["wsgi"].replace("TASK()", "time.sleep(0.5)")
    event = DueEvent(json.dumps(events.function_url("GET", "/")).encode(), seconds=0.6)
    result = run(tmp_path, source, event, TIMEOUT_DUMP_MS="400")
    assert b"in close" in result.stderr


@both
@pytest.mark.parametrize("name", ["asgi", "wsgi"])
def test_work_before_the_end_delays_the_response(tmp_path: Path, name: str, stream: str) -> None:
    """What an application does before its last chunk is not a background task: its error fails the response."""
    source = {
        "asgi": """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200})
    mark()
    await send({"type": "http.response.body", "body": b"body"})
""",
        "wsgi": """
def app(environ, start_response):
    start_response("200 OK", [])
    mark()
    yield b"body"
""",
    }[name]
    result = run(tmp_path, source, stream=stream)
    assert order(result) == ["poll", "/task", "reply", "poll", "/task", "reply", "poll"]


@both
def test_error_of_close_does_not_hide_error_of_body(tmp_path: Path, stream: str) -> None:
    """If the body of a WSGI application fails and `close()` fails, too, the response has the error of the body."""
    source = """
class Body:
    def __iter__(self): raise ValueError("in the body")
    def close(self): raise KeyError("in close")
def app(environ, start_response):
    start_response("200 OK", [])
    return Body()
"""
    (first, _) = run(tmp_path, source, stream=stream).replies
    assert json.loads(first.body)["errorMessage"] == "in the body"


@pytest.mark.parametrize("name", ["asgi", "wsgi"])
def test_forked_child_ends_at_its_response(tmp_path: Path, name: str) -> None:
    """A child that the application forks and that responds ends with one line; the parent responds to each request."""
    source = APPLICATIONS[name].replace("TASK()", "print('task')")
    source = source.replace("    start_response(", "    fork()\n    start_response(")
    source = source.replace('== "http"\n', '== "http"\n    fork()\n')
    fork = "def fork():\n    global child\n    child = os.fork()\n    if child: os.waitpid(child, 0)\n"
    result = run(tmp_path, fork + source)
    assert order(result) == ["poll", "reply", "poll", "reply", "poll"]
    assert result.stdout == b"task\ntask\n"
    assert result.stderr.count(b"forked child returned from the handler") == 2


@pytest.mark.parametrize("name", ["asgi", "wsgi"])
def test_refused_response_ends_process(tmp_path: Path, name: str) -> None:
    """If the Runtime API responds with 500, the process exits with 1, the task does not run, and no error is posted."""
    write_app(tmp_path, APPLICATIONS[name].replace("TASK()", "print('task')"))
    sent = [Event(json.dumps(events.function_url("GET", "/")).encode())]

    def react(request: Request, count: int) -> Reaction | None:
        return Reaction(500) if request.verb == "response" else None

    result = run_client(LITE, "app.app", sent, task_root=tmp_path, react=react)
    assert (order(result), result.exit_code, result.stdout) == (["poll", "reply"], 1, b"")


@pytest.mark.parametrize("name", ["asgi", "wsgi", "starlette"])
def test_local_lambda_answers_before_task(tmp_path: Path, name: str) -> None:
    """The caller of the local Lambda has the response while the task still runs; its log comes with the completion."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    source = f"def wait():\n    with open({str(gate)!r}) as file: print('task got', file.read())\n"
    write_app(tmp_path, source + APPLICATIONS[name].replace("TASK", "wait"))
    with LocalLambda("app.app", task_root=tmp_path, timeout_s=30) as function:
        result = function.invoke(events.function_url("GET", "/"))
        assert result.json()["body"] == "body"
        with gate.open("w") as file:  # waits until the task reads
            file.write("this")
        assert "task got this" in result.logs


@pytest.mark.parametrize("mode", ["process", "asyncio"])
@both
def test_task_follows_response_on_managed_instances(tmp_path: Path, mode: str, stream: str) -> None:
    """On Managed Instances, too, callers have their responses while the tasks of their requests run."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    source = f"def wait():\n    with open({str(gate)!r}) as file: print('task got', file.read())\n"
    write_app(tmp_path, source + APPLICATIONS["starlette"].replace("TASK", "wait"))
    env = {"AWSLAMBDARIC_LITE_APP_STREAM": stream, "AWSLAMBDARIC_LITE_CONCURRENCY_MODE": mode}
    lines: list[str] = []
    with LocalLambda(
        "app.app",
        task_root=tmp_path,
        env=env,
        managed_concurrency=2,
        memory_mb=2048,
        timeout_s=30,
        init_timeout_s=60,
        on_log=lines.append,
    ) as function:
        for _ in range(2):
            assert b"body" in function.invoke(events.function_url("GET", "/")).payload
            with gate.open("w") as file:  # waits until the task reads
                file.write("this")
    assert not [line for line in lines if "ERROR" in line or "outlives" in line]
