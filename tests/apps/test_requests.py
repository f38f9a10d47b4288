"""Events of each integration become the request that the client made, for ASGI and for WSGI applications."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite import events
from awslambdaric_lite._handlers import wsgi
from awslambdaric_lite._handlers.asgi import AsgiHandler
from awslambdaric_lite._handlers.event_loop import EventLoop
from awslambdaric_lite._handlers.http_request import FUNCTION_URL, HTTP_API, REST_API, HttpRequest
from tests.apps.test_frameworks import INTEGRATIONS, answer, body, integrations, run
from tests.events.quiet import quiet

CONTEXT = SimpleNamespace(aws_request_id="id", get_remaining_time_in_millis=lambda: 1000)
DOMAIN = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"


@dataclass
class Seen:
    """A request as the application sees it, in terms of ASGI."""

    root_path: str
    path: str  # after the root path
    raw_path: str | None  # whole; WSGI has none
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    scheme: str
    server: tuple[str, int]
    client: str

    def all(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value for key, value in self.headers if key == name]


See = Callable[..., Seen]


def see_asgi(loop: EventLoop, event: object, base_path: str | None = None) -> Seen:
    """Send an event to an ASGI application."""
    seen: list[Seen] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        sent = (await receive())["body"]
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        root, raw = scope["root_path"], scope["raw_path"].decode("ascii")
        assert scope["path"].startswith(root)
        path, query = scope["path"].removeprefix(root), scope["query_string"].decode("ascii")
        seen.append(Seen(root, path, raw, query, headers, sent, scope["scheme"], scope["server"], scope["client"][0]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    AsgiHandler(app, loop, print, partial(HttpRequest, base_path=base_path)).handle(event, CONTEXT).finish()
    return seen[0]


def see_wsgi(event: object, base_path: str | None = None) -> Seen:
    """Send an event to a WSGI application."""
    seen: list[Seen] = []

    def text(value: str) -> str:
        return value.encode("latin-1").decode("utf-8", "replace")

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        headers = [
            (name.removeprefix("HTTP_").lower().replace("_", "-"), text(value))
            for name, value in environ.items()
            if name.startswith(("HTTP_", "CONTENT_"))
        ]
        seen.append(
            Seen(
                root_path=text(environ["SCRIPT_NAME"]),
                path=text(environ["PATH_INFO"]),
                raw_path=None,
                query=environ["QUERY_STRING"],
                headers=headers,
                body=environ["wsgi.input"].read(),
                scheme=environ["wsgi.url_scheme"],
                server=(environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
                client=environ["REMOTE_ADDR"],
            )
        )
        start_response("200 OK", [])
        return []

    wsgi.handle(app, event, CONTEXT, print, read=partial(HttpRequest, base_path=base_path))
    return seen[0]


@pytest.fixture(params=["asgi", "wsgi"])
def see(request: pytest.FixtureRequest) -> Iterator[See]:
    """Return a function that sends an event to an application of either gateway."""
    if request.param == "wsgi":
        yield see_wsgi
        return
    loop = EventLoop(lambda text: None)
    yield partial(see_asgi, loop)
    loop.loop.close()


def rest(**fields: object) -> dict[str, Any]:
    """Return a small event of a REST API, with the given fields."""
    return {"httpMethod": "GET", "path": "/", "requestContext": {}, **fields}


def format_2(**fields: object) -> dict[str, Any]:
    """Return a small event of a function URL, with the given fields."""
    context = {"domainName": "x.lambda-url.eu-west-1.on.aws", "http": {"method": "GET"}}
    return {"version": "2.0", "rawPath": "/", "requestContext": context, **fields}


def http_api_1(path: str, **context: object) -> dict[str, Any]:
    """Return an event of an HTTP API in payload format 1.0, which has the decoded path."""
    return {"version": "1.0", "httpMethod": "GET", "path": path, "requestContext": {"domainName": DOMAIN, **context}}


# Path and query


@integrations
@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ("/p/%2541", "/p/%41"),
        ("/p/caf%C3%A9%20x", "/p/café x"),
        ("/100%25", "/100%"),
        ("/%3Fa=b%23c", "/?a=b#c"),
        ("/a+b/c@d:e;f=g,h!i~j", "/a+b/c@d:e;f=g,h!i~j"),
        ("/%252F%2525", "/%2F%25"),
        ("/a//", "/a//"),
        ("/\U0001f600", "/\U0001f600"),
    ],
)
def test_application_gets_the_path_that_was_asked_for(
    see: See, build: Callable[..., dict[str, Any]], wire: str, path: str
) -> None:
    """The path is decoded exactly once, and the raw path is percent-encoded, whatever the event has."""
    seen = see(build("GET", wire))
    assert seen.path == path
    if seen.raw_path is not None:
        assert seen.raw_path.removeprefix("/prod") == wire.replace("\U0001f600", "%F0%9F%98%80")


def test_only_fronts_that_keep_the_encoding_have_encoded_slashes(see: See) -> None:
    """An encoded slash is in the raw path of each integration that sends encoded paths."""
    for name in ("function url", "rest api", "load balancer"):
        seen = see(INTEGRATIONS[name]("GET", "/a%2Fb"))
        assert seen.path == "/a/b"
        assert seen.raw_path is None or seen.raw_path.endswith("/a%2Fb")


def test_path_of_format_1_of_http_apis_is_decoded(see: See) -> None:
    """An HTTP API sends decoded paths in payload format 1.0, too."""
    seen = see(http_api_1("/p/%41 é", stage="$default"))
    assert seen.path == "/p/%41 é"
    assert seen.raw_path in (None, "/p/%2541%20%C3%A9")


@integrations
@pytest.mark.parametrize("query", ["x=%2541", "x=a%26b&x=c", "a%3Db=%C3%A9", "x=&y", "%25", "x=1+2%2B3"])
def test_query_is_encoded_exactly_once(see: See, build: Callable[..., dict[str, Any]], query: str) -> None:
    """The decoded query is that of the client."""
    if build is events.alb:
        query = query.replace("&x=c", "")  # one value of each parameter
    given, wanted = (parse_qsl(text, keep_blank_values=True) for text in (see(build("GET", f"/?{query}")).query, query))
    assert given == wanted


# Stage and base path

HTTP, REST = events.api_gateway_v2, events.api_gateway_v1
CUSTOM, ENDPOINT = "shop.example.com", "vpce-1-a.execute-api.us-east-1.vpce.amazonaws.com"


@pytest.mark.parametrize(
    ("event", "base_path", "root_path", "path"),
    [
        # HTTP APIs have the stage in the path.
        (HTTP("GET", "/items", stage="live"), None, "/live", "/items"),
        (HTTP("GET", "/live/items", stage="live"), None, "/live", "/live/items"),
        (HTTP("GET", "/", stage="live"), None, "/live", "/"),
        (HTTP("GET", "/items"), None, "", "/items"),
        (HTTP("GET", "/$default/items"), None, "", "/$default/items"),
        (HTTP("GET", "/items") | {"rawPath": "/lively"}, None, "", "/lively"),
        (HTTP("GET", "/", stage="live") | {"rawPath": "/lively/items"}, None, "", "/lively/items"),
        (HTTP("GET", "/", stage="live") | {"rawPath": "/live"}, None, "/live", ""),
        (HTTP("GET", "/", stage="live") | {"rawPath": "//live/items"}, None, "", "//live/items"),
        (HTTP("GET", "/", stage="live") | {"rawPath": "/LIVE/items"}, None, "", "/LIVE/items"),
        (HTTP("GET", "/a%2541", stage="li ve"), None, "/li ve", "/a%41"),
        (HTTP("GET", "/a", stage="v.1+(x)*") | {"rawPath": "/vv1+(x)*/a"}, None, "", "/vv1+(x)*/a"),
        (HTTP("GET", "/a", stage="v.1+(x)*"), None, "/v.1+(x)*", "/a"),
        (HTTP("GET", "/items", stage="café"), None, "/café", "/items"),
        (http_api_1("/live/items", stage="live"), None, "/live", "/items"),
        (http_api_1("/items", stage="live"), None, "", "/items"),
        # REST APIs have it in their own domain only, and never in the path.
        (REST("GET", "/items", stage="live"), None, "/live", "/items"),
        (REST("GET", "/live/items", stage="live"), None, "/live", "/live/items"),
        (REST("GET", "/items", stage="live", domain=CUSTOM), None, "", "/items"),
        (REST("GET", "/items", stage="live", domain=ENDPOINT), None, "/live", "/items"),
        (rest(path="/items", headers={"Host": DOMAIN}, requestContext={"stage": "prod"}), None, "/prod", "/items"),
        (rest(path="/items", requestContext={"stage": None, "domainName": DOMAIN}), None, "", "/items"),
        (rest(path="items", requestContext={"stage": "prod", "domainName": DOMAIN}), None, "/prod", "/items"),
        (rest(path="*", requestContext={"stage": "prod", "domainName": DOMAIN}), None, "/prod", "/*"),
        (http_api_1("live/items", stage="live"), None, "/live", "/items"),
        (format_2(rawPath="shop/items"), "/shop", "/shop", "/items"),
        (format_2(rawPath="?a"), None, "", "/?a"),
        # Others have none.
        (events.function_url("GET", "/items", headers={"Host": "127.0.0.1:9001"}), None, "", "/items"),
        (events.function_url("GET", "/$default"), None, "", "/$default"),
        (events.alb("GET", "/items"), None, "", "/items"),
        # A base path is in the path of custom domains, except in format 2.0 of HTTP APIs.
        (REST("GET", "/shop/items", domain=CUSTOM), "/shop", "/shop", "/items"),
        (REST("GET", "/shop", domain=CUSTOM), "/shop", "/shop", ""),
        (REST("GET", "/shopping", domain=CUSTOM), "/shop", "", "/shopping"),
        (REST("GET", "/a/b/c", domain=CUSTOM), "/a/b/", "/a/b", "/c"),
        (REST("GET", "/a%2Fb/c", domain=CUSTOM), "/a/b", "", "/a/b/c"),
        (REST("GET", "/sh%6Fp/%2541", domain=CUSTOM), "/shop", "/shop", "/%41"),
        (REST("GET", "/caf%C3%A9/x", domain=CUSTOM), "/caf%C3%A9", "/café", "/x"),
        (REST("GET", "/caf%C3%A9/x", domain=CUSTOM), "/café", "/café", "/x"),
        (http_api_1("/shop/items", stage="live", domainName=CUSTOM), "/shop", "/shop", "/items"),
        (HTTP("GET", "/items", domain=CUSTOM), "/shop", "/shop", "/items"),
        (HTTP("GET", "/items", stage="live", domain=CUSTOM), "/shop", "/shop", "/items"),
        (HTTP("GET", "/shop/items", domain=CUSTOM), "/shop", "/shop", "/items"),
        (HTTP("GET", "/items", stage="live", domain=CUSTOM), "/", "", "/items"),
        # The application may be mounted below a path of the API, of a load balancer or of a distribution.
        (HTTP("GET", "/shop/items", stage="live"), "/shop", "/live/shop", "/items"),
        (HTTP("GET", "/items", stage="live"), "/shop", "/live", "/items"),
        (REST("GET", "/shop/items", stage="live"), "/shop", "/live/shop", "/items"),
        (events.function_url("GET", "/shop/items"), "/shop", "/shop", "/items"),
        (events.function_url("GET", "/shopping/items"), "/shop", "", "/shopping/items"),
        (events.alb("GET", "/shop/items"), "/shop", "/shop", "/items"),
        (events.alb("GET", "/other"), "/shop", "", "/other"),
    ],
)
def test_application_is_mounted_at_the_stage_or_base_path(
    see: See, event: dict[str, Any], base_path: str | None, root_path: str, path: str
) -> None:
    """Stage and base path are the root path if they are whole segments, and the rest is the application's path."""
    seen = see(event, base_path)
    assert (seen.root_path, seen.path) == (root_path, path)
    assert seen.raw_path is None or (seen.raw_path.isascii() and " " not in seen.raw_path)


# Integrations


@pytest.mark.parametrize(
    ("event", "integration"),
    [
        *[
            (events.function_url(headers={"Host": host}), FUNCTION_URL)
            for host in ("shop.example.test", "localhost:9001", "127.0.0.1:9001", "[::1]:9001", "a.ngrok.app", "x")
        ],
        (events.function_url(), FUNCTION_URL),
        (format_2(), FUNCTION_URL),
        (format_2(requestContext={"http": {"method": "GET"}, "domainName": None, "apiId": None}), FUNCTION_URL),
        (events.api_gateway_v2(), HTTP_API),
        (events.api_gateway_v2(domain="shop.example.com"), HTTP_API),
        (events.api_gateway_v2(domain="a1b2c3d4e5.example.com", stage="live"), HTTP_API),
        (events.api_gateway_v2(domain="a1b2c3d4e5.example.com", route_key="GET /"), HTTP_API),
        (events.api_gateway_v2(domain="x.lambda-url.example.com"), HTTP_API),
        (http_api_1("/"), HTTP_API),
        (events.api_gateway_v1(), REST_API),
        (events.api_gateway_v1(domain="shop.example.com"), REST_API),
    ],
)
def test_integration_is_recognised_by_what_only_it_has(event: dict[str, Any], integration: str) -> None:
    """An event in format 2.0 is a function URL's whatever the host name, unless it has what only HTTP APIs have."""
    request = HttpRequest(event)
    assert request.integration == integration
    assert request.accepts_stream == (integration != HTTP_API)


@pytest.mark.parametrize("field", ["methodArn", "routeArn"])
def test_requests_to_authorizers_are_not_http_requests(field: str) -> None:
    """An authorizer's event, which describes a request, is not the request."""
    for event in (events.api_gateway_v1(), events.api_gateway_v2()):
        with pytest.raises(ValueError, match="not an HTTP request"):
            HttpRequest({**event, "type": "REQUEST", field: "arn:aws:execute-api:us-east-1:123456789012:a/b/GET/"})


# Headers and body

JSON = '{"n": 1}'


@pytest.mark.parametrize(
    ("event", "length"),
    [
        (rest(httpMethod="POST", body=JSON), ["8"]),
        (rest(body=JSON, headers={"Content-Length": "3"}), ["8"]),
        (rest(body=JSON, multiValueHeaders={"Content-Length": ["3", "4"], "content-length": ["5"]}), ["8"]),
        (rest(body=JSON, headers={"Transfer-Encoding": "chunked"}), ["8"]),
        (rest(body="eyJuIjogMX0=", isBase64Encoded=True, headers={"content-length": "12"}), ["8"]),
        (rest(body="é"), ["2"]),
        (rest(body=None, headers={"Content-Length": "7"}), ["0"]),
        (rest(), []),
        (format_2(body=JSON), ["8"]),
        (format_2(body="/w==", isBase64Encoded=True, headers={"content-length": "4"}), ["1"]),
        (events.alb("POST", "/", body="é", headers={"content-length": "1"}), ["2"]),
        (events.api_gateway_v1("POST", "/", body={"n": 1}), ["7"]),
    ],
)
def test_content_length_is_that_of_the_body(see: See, event: dict[str, Any], length: list[str]) -> None:
    """Each application gets the length of the decoded body once, whatever the event says."""
    seen = see(event)
    assert len(seen.body) == int([*length, "0"][0])
    assert seen.all("transfer-encoding") == []
    assert seen.all("content-length") in (length, length or ["0"])  # WSGI always has one


@pytest.mark.parametrize(
    ("event", "cookies"),
    [
        (events.api_gateway_v1(headers={"Cookie": ["x=1", "y=2"]}), ["x=1; y=2"]),
        (events.alb(headers={"Cookie": ["x=1", "y=2"]}, multi_value=True), ["x=1; y=2"]),
        (events.api_gateway_v2(headers={"Cookie": ["x=1", "y=2"]}), ["x=1; y=2"]),
        (events.function_url(headers={"Cookie": ["x=1", "y=2"]}), ["x=1; y=2"]),
        (format_2(headers={"cookie": "lang=de"}, cookies=["lang=de"]), ["lang=de"]),
        (format_2(headers={"Cookie": "old=1"}, cookies=["a=1", "b=2"]), ["a=1; b=2"]),
        (format_2(headers={"Cookie": "a=1", "cookie": "b=2"}), ["a=1; b=2"]),
        (format_2(headers={"cookie": "a=1"}, cookies=[]), ["a=1"]),
        (format_2(headers={"cookie": "a=1"}, cookies=None), ["a=1"]),
        (format_2(cookies=[None, "a=1", ""]), ["a=1"]),
        (rest(multiValueHeaders={"Cookie": ["a=1"], "cookie": ["b=2", "c=3"]}), ["a=1; b=2; c=3"]),
        (rest(headers={"cookie": "a=1"}, cookies=["a=1"]), ["a=1"]),
        (rest(headers={"Cookie": ""}), []),
        (rest(), []),
    ],
)
def test_application_gets_one_cookie_field(see: See, event: dict[str, Any], cookies: list[str]) -> None:
    """All cookies are in one field, and those that an event has in two places are not doubled."""
    assert see(event).all("cookie") == cookies


@pytest.mark.parametrize(
    "other", ["X_Tenant", "x_tenant", "X-Tenant ", "X-Tenan\u017f", "X-Tena\u0274t", "X\u2010Tenant"]
)
@pytest.mark.parametrize("first", [True, False])
def test_keys_are_of_one_header_name(see: See, other: str, first: bool) -> None:
    """A header whose name differs on the wire does not change or add the value of another one's key.

    ASGI applications and their WSGI middleware make such keys, too.
    """
    pairs = [("X-Tenant", "alice"), (other, "mallory")]
    headers = dict(pairs if first else reversed(pairs))
    for event in (format_2(headers=headers), rest(headers=headers)):
        assert [value for name, value in see(event).headers if name.startswith("x")] == ["alice"]
    assert "mallory" not in dict(see(format_2(headers={other: "mallory"})).headers).values()


def test_underscores_do_not_replace_content_type() -> None:
    """A header with an underscore does not become the content type or length of a WSGI request."""
    seen = see_wsgi(format_2(headers={"content-type": "text/a", "Content_Type": "text/b", "Content_Length": "7"}))
    assert (seen.all("content-type"), seen.all("content-length")) == (["text/a"], ["0"])


@pytest.mark.parametrize(
    ("fields", "query", "value"),
    [
        ({"queryStringParameters": {"debug": None}}, "debug", []),
        ({"multiValueQueryStringParameters": {"debug": None}}, "debug", []),
        ({"multiValueQueryStringParameters": {"debug": [None, "1"]}}, "debug&debug=1", []),
        ({"multiValueQueryStringParameters": {"a": "xy"}}, "a=xy", []),
        ({"queryStringParameters": {"a": 1, "b": True, "c": 1.5, "d": ""}}, "a=1&b=true&c=1.5&d=", []),
        ({"headers": {"X-Trace": None}}, "", []),
        ({"headers": {"X-Trace": 7}}, "", ["7"]),
        ({"headers": {"X-Trace": False}}, "", ["false"]),
        ({"multiValueHeaders": {"X-Trace": [None, "a"]}}, "", ["a"]),
        ({"multiValueHeaders": {"X-Trace": None}}, "", []),
        ({"multiValueHeaders": {"X-Trace": "ab"}}, "", ["ab"]),
        ({"headers": None, "multiValueHeaders": None, "queryStringParameters": None, "body": None}, "", []),
        ({"isBase64Encoded": None, "path": None, "cookies": None}, "", []),
        ({"headers": [], "queryStringParameters": [], "cookies": {}, "isBase64Encoded": 0}, "", []),
        ({"requestContext": {"identity": None, "stage": 7, "domainName": 7, "elb": None}}, "", []),
    ],
)
def test_null_and_scalars_have_a_meaning(see: See, fields: dict[str, Any], query: str, value: list[str]) -> None:
    """A null parameter is a bare name, a null header is left out, and other scalars are their JSON text."""
    seen = see(rest(**fields))
    assert (seen.query, seen.all("x-trace"), seen.path) == (query, value, "/")


# Fields that requests are made of
FIELDS = (
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "rawQueryString",
    "headers",
    "multiValueHeaders",
    "cookies",
    "body",
    "isBase64Encoded",
    "path",
    "rawPath",
    "version",
    "httpMethod",
)
CONTEXT_FIELDS = ("http", "identity", "elb", "stage", "domainName", "apiId", "routeKey")
ALL_FIELDS = {*FIELDS, "methodArn", "routeArn", "routeKey", "resource", "pathParameters", "stageVariables"}
ALL_CONTEXT_FIELDS = {*CONTEXT_FIELDS, "connectionId", "eventType", "path", "authorizer", "domainPrefix"}


@pytest.mark.parametrize(
    "event",
    [
        events.function_url("POST", "/a?b=c", body="d", headers={"Cookie": "e=f"}),
        events.api_gateway_v2("POST", "/a?b=c", body="d", stage="live"),
        events.api_gateway_v1("POST", "/a?b=c", body="d", stage="live"),
        events.alb("POST", "/a?b=c", body="d"),
        events.alb("POST", "/a?b=c", body="d", multi_value=True),
        http_api_1("/live/a", stage="live"),
    ],
)
def test_null_fields_are_like_missing_ones(see: See, event: dict[str, Any]) -> None:
    """An event in which a typed serializer has written all fields of all formats is the same request."""
    context = dict.fromkeys(ALL_CONTEXT_FIELDS) | event["requestContext"]
    full = dict.fromkeys(ALL_FIELDS) | event | {"requestContext": context}
    assert see(full) == see(event)
    fields = [("x-a", "1"), ("set-cookie", "b=c"), ("set-cookie", "d=e")]
    assert HttpRequest(full).render(200, fields, b"") == HttpRequest(event).render(200, fields, b"")


@pytest.mark.parametrize("method", ["get", "Get", "GET"])
def test_methods_are_in_upper_case(method: str) -> None:
    """The method is in upper case, as ASGI has it."""
    assert HttpRequest(rest(httpMethod=method)).method == "GET"
    assert HttpRequest(format_2(requestContext={"http": {"method": method}})).method == "GET"


def test_null_parameters_of_load_balancers_are_bare_names(see: See) -> None:
    """A load balancer's null parameter is a bare name, and its other parameters stay encoded."""
    event = rest(requestContext={"elb": {}}, queryStringParameters={"a%20b": None, "c": "%25"})
    assert see(event).query == "a%20b&c=%25"


@pytest.mark.parametrize(("body", "content"), [(7, b"7"), (True, b"true"), (False, b"false"), (None, b""), ("é", "é")])
def test_scalar_bodies_are_their_json_text(see: See, body: object, content: bytes | str) -> None:
    """A body that is not text is its JSON text if it is a scalar."""
    assert see(format_2(body=body)).body == (content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"headers": {"X-Trace": {"a": 1}}}, "headers['X-Trace']"),
        ({"headers": {"X-Trace": ["a"]}}, "headers['X-Trace']"),
        ({"headers": ["a"]}, "headers"),
        ({"isBase64Encoded": "true"}, "isBase64Encoded"),
        ({"multiValueHeaders": {"a": [["b"]]}}, "multiValueHeaders['a']"),
        ({"queryStringParameters": {"a": {}}}, "queryStringParameters['a']"),
        ({"queryStringParameters": "a=b"}, "queryStringParameters"),
        ({"body": {"a": 1}}, "body"),
        ({"body": "a", "isBase64Encoded": True}, "body"),
        ({"body": "é===", "isBase64Encoded": True}, "body"),
        ({"body": "", "isBase64Encoded": "false"}, "isBase64Encoded"),
        ({"path": ["/"]}, "path"),
        ({"httpMethod": None}, "httpMethod"),
        ({"cookies": "a=1"}, "cookies"),
        ({"requestContext": {"identity": "x"}}, "identity"),
    ],
)
def test_other_values_are_refused_by_field(see: See, fields: dict[str, Any], name: str) -> None:
    """A value that no integration can mean is refused, and the error names its field."""
    with pytest.raises(ValueError, match="of the event") as caught:
        see(rest(**fields))
    assert str(caught.value).startswith(f"{name} of the event ")


def test_base64_may_have_line_ends(see: See) -> None:
    """Line ends in base64 text, which some tools write, do not matter."""
    assert see(rest(body="YWJj\r\nZGVm\n", isBase64Encoded=True)).body == b"abcdef"


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=5)  # surrogates, too
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)


@quiet
@given(
    event=st.sampled_from([rest(), format_2(), events.alb(), events.api_gateway_v2()]),
    fields=st.dictionaries(st.sampled_from(FIELDS), JSONS, max_size=3),
    context=st.dictionaries(st.sampled_from(CONTEXT_FIELDS), JSONS, max_size=2),
)
def test_any_json_is_a_request_or_an_error_with_its_field(
    event: dict[str, Any], fields: dict[str, Any], context: dict[str, Any]
) -> None:
    """Whatever JSON the fields of an event have, both gateways get a request, or an error names the field."""
    event = {**event, **fields, "requestContext": {**event["requestContext"], **context}}
    try:
        seen = see_wsgi(event, "/shop")
    except ValueError as error:
        assert " of the event " in str(error) or "not an HTTP request" in str(error)
    else:
        f"{seen.path}{seen.client}{seen.server}".encode()  # has no lone surrogates


@quiet
@given(value=TEXTS, other=TEXTS, path=TEXTS)
@pytest.mark.parametrize("elb", [{}, {"elb": {}}])
def test_any_text_of_a_client_is_a_request(elb: dict[str, Any], value: str, other: str, path: str) -> None:
    """Whatever text clients send as path, query and header values, both gateways get a request."""
    headers = dict.fromkeys(("host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", other), value)
    loop = EventLoop(lambda text: None)
    for event in (
        rest(path=f"/{path}", headers=headers, queryStringParameters={value: other}, body=value, requestContext=elb),
        format_2(rawPath=f"/{path}", rawQueryString=value, headers=headers, cookies=[other], body=value),
    ):
        assert see_wsgi(event).path == see_asgi(loop, event).path
    loop.loop.close()


# What clients can send


@pytest.mark.parametrize(
    ("headers", "scheme", "server"),
    [
        ({"host": "[::1]:80", "x-forwarded-proto": "https,http"}, "https", ("::1", 80)),
        ({"host": "[::1]"}, "https", ("::1", 443)),
        ({"host": "::1"}, "https", ("::1", 443)),
        ({"host": "[::1"}, "https", ("::1", 443)),
        ({"host": "a:\u00b2"}, "https", ("a", 443)),
        ({"host": "a:\uff18\uff10"}, "https", ("a", 443)),
        ({"host": "a:" + "9" * 5000}, "https", ("a", 443)),
        ({"host": "a:65536", "x-forwarded-port": "65535"}, "https", ("a", 65535)),
        ({"host": "a:0"}, "https", ("a", 443)),
        ({"host": "a:-1"}, "https", ("a", 443)),
        ({"host": "a:", "x-forwarded-port": "\u00b2"}, "https", ("a", 443)),
        ({"host": ":80"}, "https", ("localhost", 80)),
        ({"host": ""}, "https", ("localhost", 443)),
        ({"host": "a", "x-forwarded-port": "8443, 80"}, "https", ("a", 8443)),
        ({"host": "a", "x-forwarded-proto": "http"}, "http", ("a", 80)),
        ({"host": "a", "x-forwarded-proto": "HTTP , https"}, "http", ("a", 80)),
        ({"host": "a", "x-forwarded-proto": "javascript"}, "https", ("a", 443)),
        ({"host": "a", "x-forwarded-proto": ""}, "https", ("a", 443)),
    ],
)
def test_host_port_and_scheme_of_clients_are_read(
    see: See, headers: dict[str, str], scheme: str, server: tuple[str, int]
) -> None:
    """IPv6 hosts, lists of proxies and malformed ports give a server and a scheme."""
    for event in (rest(headers=headers), format_2(headers=headers)):
        seen = see(event)
        assert (seen.scheme, seen.server) == (scheme, server)


@pytest.mark.parametrize("surrogate", ["\ud800", "\udc80", "\udfff\ud800"])
def test_lone_surrogates_are_replaced(see: See, surrogate: str) -> None:
    """Text that has no encoding is replaced in each part of a request, and the request is answered."""
    text, marks = f"a{surrogate}b", f"a{'?' * len(surrogate)}b"
    event = rest(path=f"/{text}", body=text, queryStringParameters={"q": text}, headers={"x-a": text, "host": text})
    seen = see(event)
    assert (seen.path, seen.body, seen.all("x-a")) == (f"/{marks}", marks.encode(), [marks])
    assert (seen.query, seen.server[0]) == (f"q={marks.replace('?', '%3F')}", marks)
    event = format_2(rawPath=f"/{text}", rawQueryString=text, cookies=[text])
    seen = see(event)
    assert (seen.path, seen.query, seen.all("cookie")) == (f"/{marks}", marks, [marks])
    balanced = rest(requestContext={"elb": {}}, queryStringParameters={text: text}, headers={"x-forwarded-for": text})
    seen = see(balanced)
    assert (seen.query, seen.client) == (f"{marks}={marks}", marks)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("1.2.3.4, 5.6.7.8", "5.6.7.8"),
        ("5.6.7.8:4567", "5.6.7.8"),
        ("[::1]:4567", "::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_client_of_a_load_balancer_is_the_last_address(see: See, forwarded: str, client: str) -> None:
    """The client is the address that the load balancer saw, without its port."""
    assert see(rest(requestContext={"elb": {}}, headers={"X-Forwarded-For": forwarded})).client == client


# Header text


@pytest.mark.parametrize(
    ("sent", "text"), [("Zoë".encode(), "Zoë"), (b"Zo\xeb", "Zoë"), ("€".encode(), "€"), (b"a", "a")]
)
def test_header_bytes_are_utf_8_or_latin_1(sent: bytes, text: str) -> None:
    """Applications send header values in UTF-8 or Latin-1, and get them back in UTF-8."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert dict(scope["headers"])[b"x-name"] == text.encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-name", sent)]})
        await send({"type": "http.response.body", "body": b""})

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert environ["HTTP_X_NAME"].encode("latin-1") == text.encode()
        start_response("200 OK", [("x-name", sent.decode("latin-1"))])
        return []

    event = format_2(headers={"x-name": text})
    loop = EventLoop(lambda text: None)
    responses = AsgiHandler(app, loop, print).handle(event, CONTEXT), wsgi.handle(wsgi_app, event, CONTEXT, print)
    for response in responses:
        response.finish()
    loop.loop.close()
    answers: list[Any] = [response.result for response in responses]
    assert [answer["headers"]["x-name"] for answer in answers] == [text, text]
    json.dumps(answers)


# Frameworks, in real processes

LINKS = {
    "starlette": """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
async def item(request): return PlainTextResponse(str(request.url_for("item", name="x").path))
app = Starlette(routes=[Mount("/items", routes=[Route("/{name}", item, name="item")])])
""",
    "fastapi": """
from fastapi import FastAPI, Request
app = FastAPI()
@app.get("/items/{name}")
async def item(name: str, request: Request): return request.url_for("item", name="x").path
""",
    "flask": """
from flask import Flask, url_for
app = Flask(__name__)
@app.get("/items/<name>")
def item(name): return url_for("item", name="x")
""",
    **dict.fromkeys(
        ("django asgi", "django wsgi"),
        """
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path, reverse
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
django.setup()
urlpatterns = [path("items/<name>", lambda request, name: HttpResponse(reverse("item", args=["x"])), name="item")]
from django.core.{gateway} import get_{gateway}_application
app = get_{gateway}_application()
""",
    ),
}


@pytest.mark.parametrize("framework", LINKS)
def test_routes_and_links_know_the_mount(tmp_path: Path, framework: str) -> None:
    """Routes match without the stage or base path, and links have it."""
    sent = [
        events.api_gateway_v1("GET", "/items/a", stage="live"),
        events.api_gateway_v2("GET", "/items/a", stage="live"),
        events.api_gateway_v1("GET", "/shop/items/a", domain="example.com"),
        events.function_url("GET", "/items/a"),
        events.function_url("GET", "/shopping/items/a"),
    ]
    source = LINKS[framework].replace("{gateway}", framework[-4:])
    result = run(tmp_path, source, sent, APP_BASE_PATH="/shop/")
    replies = [answer(result, number) for number in range(5)]
    links = [body(reply).decode().strip('"') for reply in replies[:4]]
    assert links == ["/live/items/x", "/live/items/x", "/shop/items/x", "/items/x"]
    assert replies[4]["statusCode"] == 404


FORM = {
    "asgi": """
from starlette.applications import Starlette
from starlette.middleware.wsgi import WSGIMiddleware
from starlette.routing import Mount
def inner(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]
app = Starlette(routes=[Mount("/", WSGIMiddleware(inner))])
""",
    "wsgi": """
from flask import Flask, request
app = Flask(__name__)
@app.post("/")
def form(): return f"name={request.form['name']}"
""",
}


@pytest.mark.parametrize("framework", FORM)
@pytest.mark.parametrize("header", [{}, {"Content-Length": "1"}, {"Transfer-Encoding": "chunked"}])
def test_frameworks_read_the_whole_form(tmp_path: Path, framework: str, header: dict[str, str]) -> None:
    """A framework that reads as many bytes as the length says gets the whole form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **header}
    event = {**events.api_gateway_v1("POST", "/"), "headers": headers, "multiValueHeaders": None, "body": "name=Zoe"}
    assert body(answer(run(tmp_path, FORM[framework], [event]))) == b"name=Zoe"
