"""The warning of background tasks names the tasks that an invocation has forgotten, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import write_app
from tests.support.client_process import LITE, run_client

WARNING = re.compile(r"A background task outlives its invocation and is suspended until the next one: (.*)\. Await it")
LIFESPAN = """
import asyncio, contextlib
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def endless():
    await asyncio.sleep(3600)
@contextlib.asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(endless())
    async with asyncio.timeout(None) if hasattr(asyncio, "timeout") else contextlib.nullcontext():
        yield
    task.cancel()
"""


def warned(tmp_path: Path, source: str, *, stream: str = "0", requests: int = 2, handler: str = "app.app") -> list[str]:
    """Return the names in each warning."""
    write_app(tmp_path, source)
    sent = [Event(json.dumps(events.function_url("GET", "/")).encode())] * requests
    env = {"AWSLAMBDARIC_LITE_APP_STREAM": stream}
    result = run_client(LITE, handler, sent, task_root=tmp_path, env=env)
    assert [reply.verb for reply in result.replies] == ["response"] * requests, result.replies
    return WARNING.findall(result.stdout.decode())


APPLICATIONS = {
    "started in the lifespan": LIFESPAN
    + """
async def root(request): return PlainTextResponse("x")
app = Starlette(routes=[Route("/", root)], lifespan=lifespan)
""",
    "in a task group of the lifespan": """
import anyio, asyncio, contextlib
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
@contextlib.asynccontextmanager
async def lifespan(app):
    async with anyio.create_task_group() as group:
        yield {"group": group}
        group.cancel_scope.cancel()
async def root(request):
    request.state.group.start_soon(anyio.sleep, 3600)
    return PlainTextResponse("x")
app = Starlette(routes=[Route("/", root)], lifespan=lifespan)
""",
    "still at work at the first chunk": """
import asyncio
async def app(scope, receive, send):
    assert scope["type"] == "http"
    task = asyncio.create_task(asyncio.sleep(0.02), name="worker")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    await task
    await send({"type": "http.response.body"})
""",
    "awaited after the response": """
import asyncio
async def app(scope, receive, send):
    assert scope["type"] == "http"
    task = asyncio.create_task(asyncio.sleep(0.02), name="worker")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})
    await task
""",
    "litestar": """
from litestar import Litestar, get
@get("/")
async def hello() -> str: return "hello"
app = Litestar([hello])
""",
    "sse_starlette": """
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route
async def ticks():
    for number in range(2): yield {"data": number}
async def root(request): return EventSourceResponse(ticks())
app = Starlette(routes=[Route("/", root)])
""",
}


@pytest.mark.parametrize("stream", ["0", "1"], ids=["buffered", "streamed"])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_task_of_application_is_not_named(tmp_path: Path, name: str, stream: str) -> None:
    """Tasks that belong to an application or its framework, or that somebody awaits, cause no warning."""
    if name in ("litestar", "sse_starlette"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    assert warned(tmp_path, APPLICATIONS[name], stream=stream) == []


@pytest.mark.parametrize("stream", ["0", "1"], ids=["buffered", "streamed"])
def test_forgotten_task_of_application_is_named(tmp_path: Path, stream: str) -> None:
    """A warning names a task that a request leaves behind once, although the application has tasks, too."""
    source = (
        LIFESPAN
        + """
async def forgotten(): await asyncio.sleep(3600)
async def root(request):
    asyncio.create_task(forgotten())
    return PlainTextResponse("x")
app = Starlette(routes=[Route("/", root)], lifespan=lifespan)
"""
    )
    assert warned(tmp_path, source, stream=stream) == ["forgotten"]


HANDLER = """
import asyncio
tasks = set()
async def endless(): await asyncio.sleep(3600)
async def waits(task): await task
def keep(coroutine, **named):
    task = asyncio.create_task(coroutine, **named)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
"""


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("keep(endless())", ["endless"]),
        ("keep(endless(), name='refresh cache')", ["refresh cache"]),
        ("keep(endless(), name='one'); keep(endless(), name='two')", ["one, two"]),
        ("keep(waits(asyncio.create_task(endless())))", ["waits"]),
        ("keep(asyncio.sleep(3600))", ["sleep"]),
        ("keep(endless(), name=f'number {len(tasks)}')", ["number 0", "number 1"]),
        ("keep(endless()) if tasks else keep(endless(), name='first')", ["first", "endless"]),
        ("await keep(asyncio.sleep(0))", []),
        ("await asyncio.gather(keep(asyncio.sleep(0)), keep(asyncio.sleep(0.001)))", []),
        ("keep(endless()).cancel()", []),
    ],
)
def test_task_is_named_once_by_its_name(tmp_path: Path, code: str, names: list[str]) -> None:
    """A forgotten task has the name that user code gave it, else its function's; each name is in one warning."""
    source = HANDLER + f"async def handler(event, context):\n    {code}\n    await asyncio.sleep(0)\n"
    assert warned(tmp_path, source, handler="app.handler") == names


@pytest.mark.parametrize(("function", "names"), [("_watch", []), ("watch", ["watch"]), ("nested", [])])
@pytest.mark.parametrize("packaged", [True, False], ids=["installed", "own"])
def test_private_task_of_installed_package_is_not_named(
    tmp_path: Path, packaged: bool, function: str, names: list[str]
) -> None:
    """A task of a function that only its package can call is that package's, if the package is an installed one."""
    library = """
import asyncio
async def watch(): await asyncio.sleep(3600)
async def _watch(): await asyncio.sleep(3600)
def nested():
    async def local(): await asyncio.sleep(3600)
    return local()
"""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "__init__.py").write_text(library)
    if packaged:
        (tmp_path / "Library-1.0.dist-info").mkdir()
    source = HANDLER + f"import library\nasync def handler(event, context): keep(library.{function}())\n"
    own = {"_watch": ["_watch"], "watch": ["watch"], "nested": ["nested.<locals>.local"]}
    assert warned(tmp_path, source, handler="app.handler") == (names if packaged else own[function])
