"""Requests as events of API Gateway, function URLs and load balancers."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

import pytest
from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    LambdaFunctionUrlResolver,
)
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite import events
from awslambdaric_lite.events.http_request import path_parameters

from .examples import TIME, TIME_MS, Event
from .quiet import quiet

PAYLOAD_V2: list[Callable[..., Event]] = [events.api_gateway_v2, events.function_url]
EVERY_FRONT: list[Callable[..., Event]] = [*PAYLOAD_V2, events.api_gateway_v1, events.alb]
ADDED = {"host", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}

names = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=8).filter(
    lambda name: name.lower() not in {*ADDED, "cookie", "content-type", "content-length", "user-agent"}
)
header_values = st.text(string.printable.strip(), max_size=12)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
cookie_texts = st.text(string.ascii_letters + string.digits + "-_.%=", min_size=1, max_size=8)
wire = "".join(map(chr, range(0x21, 0x7F)))


@quiet
@given(pairs=st.lists(st.tuples(names, header_values), max_size=6))
@pytest.mark.parametrize("build", PAYLOAD_V2)
def test_repeated_headers_are_joined(build: Callable[..., Event], pairs: list[tuple[str, str]]) -> None:
    """Names in lower case, values in the client's order, joined with commas; nothing else but what AWS adds."""
    headers = build(headers=pairs)["headers"]
    expected = {
        name.lower(): ",".join(value for key, value in pairs if key.lower() == name.lower()) for name, _ in pairs
    }
    assert {name: value for name, value in headers.items() if name not in ADDED} == expected
    assert headers.keys() >= ADDED


@quiet
@given(pairs=st.lists(st.tuples(texts, texts), max_size=6))
@pytest.mark.parametrize("build", PAYLOAD_V2)
def test_query_parameters_round_trip(build: Callable[..., Event], pairs: list[tuple[str, str]]) -> None:
    """The raw string decodes to the parameters in order; the mapping joins repeated ones and is absent without any."""
    for event in (build(query=pairs), build("GET", f"/?{urlencode(pairs)}")):
        assert parse_qsl(event["rawQueryString"], keep_blank_values=True) == pairs
        joined = {name: ",".join(value for key, value in pairs if key == name) for name, _ in pairs}
        assert event.get("queryStringParameters", {}) == joined
        assert ("queryStringParameters" in event) == bool(pairs)


@quiet
@given(path=st.text(wire.replace("?", ""), max_size=20), query=st.text(wire, max_size=20))
def test_what_is_on_the_wire_stays_in_a_function_url(path: str, query: str) -> None:
    """Path and query string are neither decoded nor encoded again."""
    event = events.function_url("GET", f"/{path}?{query}")
    assert (event["rawPath"], event["rawQueryString"]) == (f"/{path}", query)
    assert event["requestContext"]["http"]["path"] == f"/{path}"


@quiet
@given(cookies=st.lists(st.tuples(cookie_texts, cookie_texts), max_size=5), lines=st.integers(1, 3))
@pytest.mark.parametrize("build", PAYLOAD_V2)
def test_cookies_round_trip(build: Callable[..., Event], cookies: list[tuple[str, str]], lines: int) -> None:
    """From the argument or from one or several Cookie lines, they are the list `cookies` and no header."""
    wanted = [f"{name}={value}" for name, value in cookies]
    pieces = [("CooKie", "; ".join(wanted[start::lines])) for start in range(lines)]
    in_lines = [cookie for start in range(lines) for cookie in wanted[start::lines]]
    for event, expected in (
        (build(cookies=wanted), wanted),
        (build(cookies="; ".join(wanted)), wanted),
        (build(headers=pieces), in_lines),
        (build(headers=pieces, cookies={"last": "1"}), [*in_lines, "last=1"]),
    ):
        assert event.get("cookies", []) == expected
        assert ("cookies" in event) == bool(expected)
        assert "cookie" not in event["headers"]


@quiet
@given(
    body=st.binary(min_size=1),
    content_type=st.sampled_from(
        ["text/html", "Text/Plain; charset=utf-8", "application/json", "application/xml ;q=1", "application/javascript"]
    ),
)
@pytest.mark.parametrize("build", [*PAYLOAD_V2, events.alb])
def test_textual_bodies_are_text_if_they_are_utf8(build: Callable[..., Event], body: bytes, content_type: str) -> None:
    """The body can be had back exactly, and is base64 only where it is no text."""
    event = build("POST", "/", headers={"content-type": content_type}, body=body)
    try:
        assert (event["body"], event["isBase64Encoded"]) == (body.decode(), False)
    except UnicodeDecodeError:
        assert event["isBase64Encoded"] is True
        assert base64.b64decode(event["body"], validate=True) == body


@pytest.mark.parametrize("build", [*PAYLOAD_V2, events.alb])
@pytest.mark.parametrize("body", [b"a=1", "a=1"])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/octet-stream", "image/png"])
def test_other_bodies_are_base64(build: Callable[..., Event], body: str | bytes, content_type: str) -> None:
    """Form data too, which surprises many handlers on AWS; bytes without a content type as well."""
    event = build("POST", "/", headers=[("Content-Type", content_type)], body=body)
    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"a=1")
    assert build("POST", "/", body=b"text")["isBase64Encoded"] is True


@pytest.mark.parametrize("build", EVERY_FRONT)
def test_unlabelled_bodies_get_a_content_type(build: Callable[..., Event]) -> None:
    """An object is JSON and text is text; bytes stay unlabelled; what the caller says wins."""

    def sent(body: object, **headers: str) -> tuple[object, object]:
        event = build("POST", "/", body=body, headers=headers)
        lower = {name.lower(): value for name, value in event["headers"].items()}
        size = len(base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode())
        assert lower["content-length"] == str(size)
        return event["body"], lower.get("content-type")

    assert sent({"a": "é"}) == ('{"a":"é"}', "application/json")
    assert sent([]) == ("[]", "application/json")
    assert sent(0) == ("0", "application/json")
    assert sent("hello") == ("hello", "text/plain; charset=utf-8")
    assert sent(b"\xff") == ("/w==", None)
    assert sent("<a/>", **{"Content-TYPE": "application/xml"}) == ("<a/>", "application/xml")


@pytest.mark.parametrize(("build", "nothing"), [(build, None) for build in EVERY_FRONT[:3]] + [(events.alb, "")])
@pytest.mark.parametrize("body", [None, "", b""])
def test_no_body(build: Callable[..., Event], nothing: str | None, body: str | bytes | None) -> None:
    """Each front end's way to say that there is none."""
    event = build("POST", "/", body=body)
    assert (event.get("body"), event["isBase64Encoded"]) == (nothing, False)
    assert ("body" in event) == (build not in PAYLOAD_V2)
    assert "content-length" not in {name.lower() for name in event["headers"]}


@pytest.mark.parametrize("build", EVERY_FRONT)
def test_headers_that_the_client_sent_are_kept(build: Callable[..., Event]) -> None:
    """What AWS adds does not replace what is given."""
    given = {"Host": "example.com", "X-Forwarded-For": "198.51.100.1", "x-forwarded-proto": "http", "User-Agent": "me"}
    event = build(headers=given, source_ip="192.0.2.1", user_agent="other")
    headers = {name.lower(): value for name, value in event["headers"].items()}
    assert {name: headers[name.lower()] for name in given} == given
    assert headers["x-forwarded-port"] == "443"


@pytest.mark.parametrize("build", EVERY_FRONT)
def test_source_ip_user_agent_and_trace(build: Callable[..., Event]) -> None:
    """They are where a handler looks for them."""
    event = build(source_ip="192.0.2.1", user_agent="curl/8", time=TIME)
    headers = {name.lower(): value for name, value in event["headers"].items()}
    assert (headers["x-forwarded-for"], headers["user-agent"]) == ("192.0.2.1", "curl/8")
    assert headers["host"].endswith((".amazonaws.com", ".on.aws"))
    assert (
        build(domain="example.com")["headers"].get("Host" if build is events.api_gateway_v1 else "host")
        == "example.com"
    )
    assert headers["x-amzn-trace-id"].startswith("Root=1-%08x-" % (TIME_MS // 1000))
    assert len(headers["x-amzn-trace-id"]) == len("Root=1-5e6a87de-3d683b8b04734faae651f476")
    context = event["requestContext"]
    if build is events.api_gateway_v1:
        assert (context["identity"]["sourceIp"], context["identity"]["userAgent"]) == ("192.0.2.1", "curl/8")
    elif build is not events.alb:
        assert (context["http"]["sourceIp"], context["http"]["userAgent"]) == ("192.0.2.1", "curl/8")


RESOLVERS: list[tuple[type[Any], Callable[..., Event], dict[str, str]]] = [
    (APIGatewayRestResolver, events.api_gateway_v1, {"resource": "/orders/{order}"}),
    (APIGatewayHttpResolver, events.api_gateway_v2, {"route_key": "POST /orders/{order}"}),
    (LambdaFunctionUrlResolver, events.function_url, {}),
    (ALBResolver, events.alb, {}),
]


@pytest.mark.parametrize(("resolver", "build", "route"), RESOLVERS)
def test_a_framework_routes_the_request(
    resolver: type[Any], build: Callable[..., Event], route: dict[str, str]
) -> None:
    """Powertools' event handlers, which serve such events on AWS, find method, path, query, headers and body."""
    app = resolver()

    @app.post("/orders/<order>")  # type: ignore[untyped-decorator]  # the resolver is any of several
    def update(order: str) -> dict[str, object]:
        request = app.current_event
        query = request.get_query_string_value("page", "none")
        return {"order": order, "page": query, "tag": request.headers["X-Tag"], "body": request.json_body}

    event = build("POST", "/orders/7?page=2", headers={"X-Tag": "a"}, body={"count": 3}, **route)
    answer = app.resolve(event, cast("Any", None))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"order": "7", "page": "2", "tag": "a", "body": {"count": 3}}


@pytest.mark.parametrize(
    ("template", "path", "found"),
    [
        ("/", "/", {}),
        ("/orders", "/orders", {}),
        ("/{a}/b/{c}", "/1/b/3", {"a": "1", "c": "3"}),
        ("/{proxy+}", "/a/b/", {"proxy": "a/b/"}),
        ("/a/{rest+}", "/a/b", {"rest": "b"}),
    ],
)
def test_path_parameters(template: str, path: str, found: dict[str, str]) -> None:
    """`{name}` is one segment, `{name+}` all the rest."""
    assert path_parameters(template, path) == found


@pytest.mark.parametrize(
    ("template", "path"),
    [("/orders", "/other"), ("/a/{b}", "/a"), ("/a/{b}", "/a/"), ("/a", "/a/b"), ("/a/b", "/a"), ("/{proxy+}", "/")],
)
def test_paths_that_do_not_match(template: str, path: str) -> None:
    """Such a request would not reach the function."""
    with pytest.raises(ValueError, match="does not match"):
        path_parameters(template, path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: events.function_url("/orders"), "method '/orders' is no HTTP method; the order is method, path"),
        (lambda: events.function_url("", "/"), "no HTTP method"),
        (lambda: events.function_url("GET", "orders"), "path 'orders' does not begin with /"),
        (lambda: events.function_url("GET", "https://example.com/"), "does not begin with /"),
        (lambda: events.function_url(headers=[("a", b"b")]), "header 'a' has the value b'b'"),  # type: ignore[list-item]
        (lambda: events.function_url(headers={"a": 7}), "header 'a' has the value 7"),  # type: ignore[arg-type]
        (lambda: events.function_url(authorizer={"jwt": {}}), "authorizer has 'jwt'; its keys are: iam"),
        (lambda: events.api_gateway_v2(authorizer={"claims": {}}), "its keys are: iam, jwt, lambda"),
        (lambda: events.api_gateway_v2(route_key="orders"), "route_key 'orders' is no route"),
        (lambda: events.api_gateway_v2(route_key="GET orders"), "is no route"),
        (lambda: events.api_gateway_v2("POST", route_key="GET /"), "does not take POST; write 'POST /' or ANY"),
        (lambda: events.api_gateway_v2("GET", "/a", route_key="GET /b"), "path '/a' does not match '/b'"),
        (lambda: events.api_gateway_v1("GET", "/prod/a", resource="/a"), "give the path without the stage"),
        (lambda: events.websocket("$connect", "body"), r"a \$connect event has no body"),
        (lambda: events.websocket("chat", headers={"a": "b"}), r"only \$connect has"),
    ],
)
def test_requests_that_cannot_be(call: Callable[[], Event], message: str) -> None:
    """The text names the thing and the cure."""
    with pytest.raises(ValueError, match=message):
        call()
