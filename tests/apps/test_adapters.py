"""ASGI and WSGI applications get the same requests, and give the same responses, as with Mangum and apig-wsgi."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from apig_wsgi import make_lambda_handler
from mangum import Mangum

from awslambdaric_lite import events
from awslambdaric_lite._handlers import wsgi as _wsgi
from awslambdaric_lite._handlers.asgi import AsgiHandler
from awslambdaric_lite._handlers.event_loop import EventLoop
from tests.apps.test_frameworks import INTEGRATIONS, body, fields

CONTEXT = SimpleNamespace(aws_request_id="id", function_name="function", get_remaining_time_in_millis=lambda: 1000)
HEADERS = [("content-type", "text/plain; charset=utf-8"), ("set-cookie", "a=1"), ("x-a", "1")]
REQUESTS: dict[str, dict[str, Any]] = {
    "simple": {"path": "/"},
    "escapes": {"path": "/a%20b/c%C3%A9?x=1&y=a%20b&e=&p=a%2Bb&s=%2F&q=%E2%82%AC"},
    "plus": {"path": "/p+q?a+b=c+d"},
    "slashes": {"path": "//x//y/?"},
    "dots": {"path": "/%2e%2e/%2F"},
    "text": {"method": "POST", "path": "/", "body": "h\u00e9", "headers": {"content-type": "text/plain", "x-h": "v"}},
    "bytes": {"method": "PUT", "path": "/", "body": b"\x00\xff", "headers": {"cookie": "a=1; b=2"}},
}
requests = pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
integrations = pytest.mark.parametrize("build", INTEGRATIONS.values(), ids=INTEGRATIONS)


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    """Make the runtime's event loop."""
    loop = EventLoop(lambda text: None)
    yield loop
    loop.loop.close()


def event_pair(build: Callable[..., dict[str, Any]], request: dict[str, Any]) -> list[dict[str, Any]]:
    """Build an event twice, once for each adapter."""
    further = {name: value for name, value in request.items() if name not in ("method", "path")}
    text = json.dumps(build(request.get("method", "GET"), request["path"], **further))
    return [json.loads(text), json.loads(text)]


def pairs(query: str) -> list[tuple[str, str]]:
    """Return the sorted names and values of a query."""
    return sorted(parse_qsl(query, keep_blank_values=True))


def same_answer(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Assert that two responses are equal, in whichever form the integration wants the headers."""
    assert ours["statusCode"] == theirs["statusCode"]
    assert body(ours) == body(theirs)
    assert ours["isBase64Encoded"] == theirs["isBase64Encoded"]
    for name, value in HEADERS:
        assert fields(ours, name) == [value]
        both = {**theirs.get("headers", {}), **theirs.get("multiValueHeaders", {})}
        assert value in (both.get(name), *(both.get(name) or ()), *theirs.get("cookies", ()))


@requests
@integrations
def test_asgi_request_and_response_equal_mangum(
    build: Callable[..., dict[str, Any]], request_: dict[str, Any], loop: EventLoop
) -> None:
    """Scope, body and response of an ASGI application are those of Mangum, which knows no stages and no lengths."""
    seen: list[tuple[dict[str, Any], bytes]] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append((scope, (await receive())["body"]))
        headers = [(name.encode(), value.encode()) for name, value in HEADERS]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"h\xc3\xa9"})

    first, second = event_pair(build, request_)
    ours: Any = AsgiHandler(app, loop, print).handle(first, CONTEXT)
    same_answer(ours, Mangum(app, lifespan="off")(second, CONTEXT))  # type: ignore[arg-type]
    (scope, sent), (expected, expected_sent) = seen
    assert sent == expected_sent
    if build is events.api_gateway_v1:
        expected |= {"root_path": "/prod", "path": f"/prod{expected['path']}"}
        expected["headers"] += [[b"content-length", str(len(sent)).encode()]] if sent else []
    for name in ("type", "http_version", "method", "scheme", "path", "root_path", "client", "server", "aws.event"):
        given, wanted = scope[name], expected[name]
        assert (list(given) if name in ("client", "server") else given) == (
            list(wanted) if name in ("client", "server") else wanted
        ), name
    assert sorted(map(tuple, scope["headers"])) == sorted(map(tuple, expected["headers"]))
    assert pairs(scope["query_string"].decode()) == pairs(expected["query_string"].decode())


@requests
@integrations
def test_wsgi_request_and_response_equal_apig_wsgi(
    build: Callable[..., dict[str, Any]], request_: dict[str, Any]
) -> None:
    """Environment, body and response of a WSGI application are apig-wsgi's, unless those violate PEP 3333."""
    seen: list[tuple[dict[str, Any], bytes]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append((dict(environ), environ["wsgi.input"].read()))
        start_response("201 Created", HEADERS)
        return [b"h\xc3\xa9"]

    first, second = event_pair(build, request_)
    ours: Any = _wsgi.handle(app, first, CONTEXT)
    same_answer(ours, make_lambda_handler(app, binary_support=True)(second, CONTEXT))
    (environ, sent), (expected, expected_sent) = seen
    assert sent == expected_sent
    expected["PATH_INFO"] = expected["PATH_INFO"].replace(
        "\u00e9", "\u00c3\u00a9"
    )  # PEP 3333 wants bytes as ISO 8859-1 text
    # apig-wsgi does not know stages, and doubles the cookies of function URLs.
    expected["SCRIPT_NAME"] = "/prod" if build is events.api_gateway_v1 else ""
    expected["HTTP_COOKIE"] = "a=1; b=2" if expected.get("HTTP_COOKIE") else None
    theirs = {"HTTP", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "apig_wsgi.multi_value_headers"}
    theirs |= {"wsgi.input", "wsgi.errors", "apig_wsgi.multi_value_query_string_parameters"}
    for name in set(expected) - theirs:
        if name == "QUERY_STRING":
            assert pairs(environ[name]) == pairs(expected[name])
        else:
            assert environ.get(name) == expected[name], name
