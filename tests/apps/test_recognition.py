"""The parameters of the call tell an application from a handler; where that is wrong, a log line has the cure."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite._handler import needs_adapter
from awslambdaric_lite._handlers.recognition import kind_of
from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import write_app
from tests.support.client_process import LITE, Run, run_client

WSGI = {
    "object": "class A:\n  def __call__(self, environ, start_response): pass\napp = A()",
    "function": "def app(environ, start_response): pass",
    "other names": "def app(env, start): pass",
    "partial": "import functools\ndef f(x, environ, start_response): pass\napp = functools.partial(f, 1)",
    "partial of an object": (
        "import functools\nclass A:\n  def __call__(self, x, environ, start_response): pass\n"
        "app = functools.partial(A(), 1)"
    ),
    "static method": "class A:\n  @staticmethod\n  def __call__(environ, start_response): pass\napp = A()",
    "class": "class app:\n  def __init__(self, environ, start_response): pass\n  def __iter__(self): pass",
    "decorated": (
        "import functools\ndef d(f):\n  @functools.wraps(f)\n  def g(*a, **k): return f(*a, **k)\n  return g\n"
        "@d\ndef app(environ, start_response): pass"
    ),
    "decorating object": (
        "import functools\nclass D:\n  def __init__(self, f): functools.update_wrapper(self, f)\n"
        "  def __call__(self, *a, **k): pass\n@D\ndef app(environ, start_response): pass"
    ),
    "flask": "from flask import Flask\napp = Flask('x')",
    "flask's method": "from flask import Flask\napp = Flask('x').wsgi_app",
    "flask's subclass": "from flask import Flask\nclass A(Flask): pass\napp = A('x')",
    "override of the same kind": (
        "from flask import Flask\nclass A(Flask):\n  def __call__(self, environ, start_response): pass\napp = A('x')"
    ),
    "werkzeug's middleware": "from werkzeug.middleware.proxy_fix import ProxyFix\napp = ProxyFix(None)",
    "werkzeug's decorator": "from werkzeug import Request\n@Request.application\ndef app(request): pass",
    "wsgiref": "from wsgiref.validate import validator\napp = validator(None)",
    "django": "from django.core.handlers.wsgi import WSGIHandler\napp = WSGIHandler.__new__(WSGIHandler)",
    "sentry's middleware": (
        "from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware\napp = SentryWsgiMiddleware(None)"
    ),
    "bottle": "from bottle import Bottle\napp = Bottle()",
    "falcon": "from falcon import App\napp = App()",
    "pyramid": "from pyramid.config import Configurator\napp = Configurator().make_wsgi_app()",
    "webob": "from webob.dec import wsgify\n@wsgify\ndef app(request): pass",
    "whitenoise": "from whitenoise import WhiteNoise\napp = WhiteNoise(None)",
    "socketio": "import socketio\napp = socketio.WSGIApp(socketio.Server())",
}
ASGI = {
    "object": "class A:\n  async def __call__(self, scope, receive, send): pass\napp = A()",
    "object without async": "class A:\n  def __call__(self, scope, receive, send): pass\napp = A()",
    "function": "async def app(scope, receive, send): pass",
    "other names": "async def app(s, r, w): pass",
    "partial": "import functools\nasync def f(x, scope, receive, send): pass\napp = functools.partial(f, 1)",
    "partial by name": "import functools\nasync def f(scope, receive, send, x): pass\napp = functools.partial(f, x=1)",
    "method": "class A:\n  async def run(self, scope, receive, send): pass\napp = A().run",
    "decorated call": (
        "import functools\ndef d(f):\n  @functools.wraps(f)\n  def g(*a, **k): return f(*a, **k)\n  return g\n"
        "class A:\n  @d\n  async def __call__(self, scope, receive, send): pass\napp = A()"
    ),
    "starlette": "from starlette.applications import Starlette\napp = Starlette()",
    "starlette's middleware": "from starlette.middleware.gzip import GZipMiddleware\napp = GZipMiddleware(None)",
    "fastapi": "from fastapi import FastAPI\napp = FastAPI()",
    "asgiref": "from asgiref.wsgi import WsgiToAsgi\napp = WsgiToAsgi(None)",
    "django": "from django.core.handlers.asgi import ASGIHandler\napp = ASGIHandler.__new__(ASGIHandler)",
    "sentry's middleware": (
        "from sentry_sdk.integrations.asgi import SentryAsgiMiddleware\n"
        "from starlette.applications import Starlette\napp = SentryAsgiMiddleware(Starlette())"
    ),
    "litestar": "from litestar import Litestar\napp = Litestar([])",
    "quart": "from quart import Quart\napp = Quart('x')",
    "falcon": "from falcon.asgi import App\napp = App()",
    "blacksheep": "from blacksheep import Application\napp = Application()",
    "a2wsgi": "from a2wsgi import WSGIMiddleware\napp = WSGIMiddleware(None)",
    "socketio": "import socketio\napp = socketio.ASGIApp(socketio.AsyncServer(async_mode='asgi'))",
}
HANDLERS = {
    "function": "def app(event, context): pass",
    "further default": "async def app(event, context, database=None): pass",
    "too many parameters": "def app(event, context, database): pass",
    "any parameters": "def app(*arguments): pass",
    "class": "class app:\n  def __init__(self, event, context): pass",
    "partial": "import functools\ndef f(x, event, context): pass\napp = functools.partial(f, 1)",
    "builtin": "app = print",
    "mock": "from unittest.mock import MagicMock\napp = MagicMock()",
    "adapter around an application": (
        "import functools\ndef adapt(f):\n  @functools.wraps(f)\n  def g(event, context): pass\n  return g\n"
        "@adapt\ndef app(environ, start_response): pass"
    ),
    "flask's subclass": (
        "from flask import Flask\nclass A(Flask):\n  def __call__(self, event, context): pass\napp = A('x')"
    ),
    "starlette's subclass": (
        "from starlette.applications import Starlette\n"
        "class A(Starlette):\n  def __call__(self, evt, ctx): pass\napp = A()"
    ),
    "subclass with any parameters": (
        "from flask import Flask\nclass A(Flask):\n  def __call__(self, *a): pass\napp = A('x')"
    ),
    "subclass's coroutine": (
        "from flask import Flask\nclass A(Flask):\n  async def __call__(self, event, context): pass\napp = A('x')"
    ),
    "bottle's subclass": (
        "from bottle import Bottle\nclass A(Bottle):\n  def __call__(self, event, context): pass\napp = A()"
    ),
    "mangum": "from mangum import Mangum\napp = Mangum(print)",
    "apig-wsgi": "from apig_wsgi import make_lambda_handler\napp = make_lambda_handler(print)",
}
KINDS = [
    pytest.param(kind, source, id=f"{kind or 'handler'}: {name}")
    for kind, sources in (("asgi", ASGI), ("wsgi", WSGI), (None, HANDLERS))
    for name, source in sources.items()
]


@pytest.fixture
def event_loop() -> Iterator[None]:
    """Set an event loop for frameworks that would create one and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("event_loop")
@pytest.mark.parametrize(("kind", "source"), KINDS)
def test_kind_follows_from_call(kind: str | None, source: str) -> None:
    """Each kind of application is recognised, and each kind of handler stays one."""
    names: dict[str, object] = {"__name__": "app"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the frameworks
            exec(source, names)
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    assert kind_of(names["app"]) == kind
    if kind is not None:
        assert needs_adapter(names["app"])


def run(tmp_path: Path, source: str, *, name: str = "app", **env: str) -> Run:
    """Send two requests to a handler."""
    write_app(tmp_path, source)
    variables = {f"AWSLAMBDARIC_LITE_{key}": value for key, value in env.items()}
    sent = [Event(json.dumps(events.function_url("GET", "/a")).encode())] * 2
    return run_client(LITE, f"app.{name}", sent, task_root=tmp_path, env=variables)


SITE = """
class Site:
    def __call__(self, {first}, {second}):
        {second}("200 OK", [])
        return [b"path " + {first}["PATH_INFO"].encode()]
app = Site()
"""
ASGI_APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"path " + scope["path"].encode()})
"""


@pytest.mark.parametrize("source", [SITE.format(first="environ", second="start_response"), ASGI_APP])
def test_recognised_application_is_called(tmp_path: Path, source: str) -> None:
    """An application without a framework gets requests."""
    assert [json.loads(reply.body)["body"] for reply in run(tmp_path, source).replies] == ["path /a"] * 2


def test_subclass_that_overrides_call_is_handler(tmp_path: Path) -> None:
    """An object whose class derives from a framework and overrides `__call__` gets events."""
    source = """
from flask import Flask
class Jobs(Flask):
    def __call__(self, event, context): return {"ran": event["rawPath"]}
app = Jobs("x")
"""
    assert [json.loads(reply.body) for reply in run(tmp_path, source).replies] == [{"ran": "/a"}] * 2


@pytest.mark.parametrize(
    ("source", "env", "hinted"),
    [
        (SITE.format(first="e", second="respond"), {}, "AWSLAMBDARIC_LITE_APP=asgi or wsgi"),
        ("def app(e, respond):\n    return [e['PATH_INFO']]", {}, "AWSLAMBDARIC_LITE_APP=asgi or wsgi"),
        ("def app(s, r, w): pass", {}, "AWSLAMBDARIC_LITE_APP=asgi or wsgi"),
        ("def app():\n    from flask import Flask\n    return Flask('x')", {}, "AWSLAMBDARIC_LITE_APP=factory"),
        (SITE.format(first="e", second="respond"), {"APP": "asgi"}, "AWSLAMBDARIC_LITE_APP=wsgi"),
        (ASGI_APP, {"APP": "wsgi"}, "AWSLAMBDARIC_LITE_APP=asgi"),
        ("def app(event, context): return 1", {"APP": "asgi"}, "handler for a function of an event and a context"),
        ("def app(event, context): return event['rawPath']", {"APP": "wsgi"}, "handler for a function of"),
        ("def app(): return 1", {"APP": "wsgi"}, "factory for a function that creates"),
    ],
)
def test_wrong_kind_is_hinted_once(tmp_path: Path, source: str, env: dict[str, str], hinted: str) -> None:
    """If the handler is called in the wrong way, the error is the call's, and one log line names the setting."""
    result = run(tmp_path, source, **env)
    assert [reply.verb for reply in result.replies] == ["error", "error"]
    log = result.stdout.decode()
    assert hinted in log
    assert log.count("The handler was called") == 1


@pytest.mark.parametrize(
    "source",
    [
        "def app(event, context): return event['missing']",
        "def app(event, context): return event + 1",
        "def app(event, context): return inner()\ndef inner(missing): pass",
        "import os\ndef app(event, context): return os.environ['HTTP_PROXY_OF_MINE']",
    ],
)
def test_other_errors_are_not_hinted(tmp_path: Path, source: str) -> None:
    """Errors that the handler itself raises get no hint."""
    result = run(tmp_path, source)
    assert result.replies[0].verb == "error"
    assert b"AWSLAMBDARIC_LITE_APP" not in result.stdout


FACTORIES = {
    "flask": """
def create_app():
    from flask import Flask
    print("created")
    app = Flask("x")
    app.add_url_rule("/<name>", view_func=lambda name: f"path /{name}")
    return app
""",
    "asgi function": 'def create_app():\n    print("created")\n    return app\n' + ASGI_APP,
    "class": SITE.format(first="environ", second="start_response").replace("app = Site()", "create_app = Site")
    + "print('created')\n",
}


@pytest.mark.parametrize("source", FACTORIES.values(), ids=FACTORIES)
def test_factory_creates_application_in_init(tmp_path: Path, source: str) -> None:
    """With APP=factory the handler is called once, in init, and the application that it returns gets requests."""
    result = run(tmp_path, source, name="create_app", APP="factory")
    assert [json.loads(reply.body)["body"] for reply in result.replies] == ["path /a"] * 2
    assert result.stdout.count(b"created") == 1


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("def create_app(): return {}", "TypeError", "returned dict, which is not a web application"),
        ("def create_app(): return None", "TypeError", "returned NoneType"),
        ("def create_app(name): pass", "TypeError", "missing 1 required positional argument"),
        ("def create_app(): raise ValueError('mine')", "ValueError", "mine"),
    ],
)
def test_failing_factory_is_init_error(tmp_path: Path, source: str, kind: str, message: str) -> None:
    """A factory that fails, or returns something else, ends init with an error."""
    result = run(tmp_path, source, name="create_app", APP="factory")
    (reply,) = result.replies
    error = json.loads(reply.body)
    assert (reply.verb, error["errorType"], result.exit_code) == ("init/error", kind, 1)
    assert message in error["errorMessage"]
