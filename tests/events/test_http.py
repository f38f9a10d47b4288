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
    """Header names become lower case, values of one name are joined with commas, and only AWS's headers are added."""
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
    """The raw query decodes to the parameters in order, and the mapping joins repeated ones or is absent."""
    for event in (build(query=pairs), build("GET", f"/?{urlencode(pairs)}")):
        assert parse_qsl(event["rawQueryString"], keep_blank_values=True) == pairs
        joined = {name: ",".join(value for key, value in pairs if key == name) for name, _ in pairs}
        assert event.get("queryStringParameters", {}) == joined
        assert ("queryStringParameters" in event) == bool(pairs)


@quiet
@given(path=st.text(wire.replace("?", ""), max_size=20), query=st.text(wire, max_size=20))
def test_function_url_keeps_encoded_path(path: str, query: str) -> None:
    """A function URL neither decodes nor encodes the path and the query string."""
    event = events.function_url("GET", f"/{path}?{query}")
    assert (event["rawPath"], event["rawQueryString"]) == (f"/{path}", query)
    assert event["requestContext"]["http"]["path"] == f"/{path}"


@quiet
@given(cookies=st.lists(st.tuples(cookie_texts, cookie_texts), max_size=5), lines=st.integers(1, 3))
@pytest.mark.parametrize("build", PAYLOAD_V2)
def test_cookies_round_trip(build: Callable[..., Event], cookies: list[tuple[str, str]], lines: int) -> None:
    """Cookies of the argument and of all Cookie headers are listed; function URLs also have them in one header."""
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
        in_header = "; ".join(expected) if build is events.function_url and expected else None
        assert event["headers"].get("cookie") == in_header


@quiet
@given(
    body=st.binary(min_size=1),
    content_type=st.sampled_from(
        ["text/html", "Text/Plain; charset=utf-8", "application/json", "application/xml ;q=1", "application/javascript"]
    ),
)
@pytest.mark.parametrize("build", [*PAYLOAD_V2, events.alb])
def test_textual_utf8_bodies_stay_text(build: Callable[..., Event], body: bytes, content_type: str) -> None:
    """A body with a textual content type is text if it is UTF-8, and base64 of the same bytes otherwise."""
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
    """A body with a binary content type, form data included, or bytes without a content type are base64."""
    event = build("POST", "/", headers=[("Content-Type", content_type)], body=body)
    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"a=1")
    assert build("POST", "/", body=b"text")["isBase64Encoded"] is True


@pytest.mark.parametrize("build", EVERY_FRONT)
def test_bodies_get_a_content_type(build: Callable[..., Event]) -> None:
    """Objects are labelled as JSON and text as text, a given content type wins; REST APIs remove the length."""

    def sent(body: object, **headers: str) -> tuple[object, object]:
        event = build("POST", "/", body=body, headers=headers)
        lower = {name.lower(): value for name, value in event["headers"].items()}
        size = len(base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode())
        assert lower.get("content-length") == (None if build is events.api_gateway_v1 else str(size))
        return event["body"], lower.get("content-type")

    assert sent({"a": "é"}) == ('{"a":"é"}', "application/json")
    assert sent([]) == ("[]", "application/json")
    assert sent(0) == ("0", "application/json")
    assert sent("hello") == ("hello", "text/plain; charset=utf-8")
    assert sent(b"\xff") == ("/w==", None)
    assert sent("<a/>", **{"Content-TYPE": "application/xml"}) == ("<a/>", "application/xml")


@pytest.mark.parametrize(("build", "nothing"), [(build, None) for build in EVERY_FRONT[:3]] + [(events.alb, "")])
@pytest.mark.parametrize("body", [None, "", b""])
def test_empty_body_has_no_content(build: Callable[..., Event], nothing: str | None, body: str | bytes | None) -> None:
    """An empty body has the value that the integration sends for no body, and no content length."""
    event = build("POST", "/", body=body)
    assert (event.get("body"), event["isBase64Encoded"]) == (nothing, False)
    assert ("body" in event) == (build not in PAYLOAD_V2)
    assert "content-length" not in {name.lower() for name in event["headers"]}


@pytest.mark.parametrize("build", EVERY_FRONT)
def test_client_headers_are_kept(build: Callable[..., Event]) -> None:
    """The headers that AWS adds do not replace headers of the client."""
    given = {"Host": "example.com", "X-Forwarded-For": "198.51.100.1", "x-forwarded-proto": "http", "User-Agent": "me"}
    event = build(headers=given, source_ip="192.0.2.1", user_agent="other")
    headers = {name.lower(): value for name, value in event["headers"].items()}
    assert {name: headers[name.lower()] for name in given} == given
    assert headers["x-forwarded-port"] == "443"


@pytest.mark.parametrize("build", EVERY_FRONT)
def test_client_address_agent_and_trace(build: Callable[..., Event]) -> None:
    """Source address, user agent, host and trace id are in the headers and in the request context."""
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
def test_powertools_routes_the_request(resolver: type[Any], build: Callable[..., Event], route: dict[str, str]) -> None:
    """Powertools' event handlers find method, path, query, headers and body of the event."""
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
def test_path_parameters_match_segments(template: str, path: str, found: dict[str, str]) -> None:
    """A parameter `{name}` matches one segment and `{name+}` all remaining ones."""
    assert path_parameters(template, path) == found


@pytest.mark.parametrize(
    ("template", "path"),
    [("/orders", "/other"), ("/a/{b}", "/a"), ("/a/{b}", "/a/"), ("/a", "/a/b"), ("/a/b", "/a"), ("/{proxy+}", "/")],
)
def test_path_without_match_is_refused(template: str, path: str) -> None:
    """A path that does not match the route is refused."""
    with pytest.raises(ValueError, match="does not match"):
        path_parameters(template, path)
