"""Requests to a function URL, as the function gets them."""

from __future__ import annotations

import base64
import json
import string
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awslambdaric_lite.emulator.frontend.url_request import url_event
from awslambdaric_lite.emulator.http.exchange import RecordedRequest

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793"
OWN = {"host", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
DROPPED = {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}

quiet = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=6).filter(
    lambda name: name.lower() not in OWN | DROPPED | {"cookie", "content-length", "content-type"}
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
cookie_texts = st.text(string.ascii_letters + string.digits + "-_.%=", min_size=1, max_size=6)


def event(
    method: str = "GET",
    target: str = "/",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
    version: str = "1.1",
) -> Any:
    """The event of a request with these header lines and a Host."""
    lines = [("Host", "127.0.0.1:9001"), *(headers or [])]
    request = RecordedRequest(method, target, version, lines, connection=1)
    return json.loads(url_event(request, body, request_id="id-1", trace_id=TRACE, region="us-east-1"))


def test_a_complete_request() -> None:
    """Every field that the documentation has, from the request."""
    given_headers = [("User-Agent", "agent"), ("Content-Type", "application/json"), ("Cookie", "a=1; b=2")]
    made = event("POST", "/my%20path/x?b=2&a=1&b=%C3%A4+", given_headers, b'{"count":1}')
    context = made["requestContext"]
    time, epoch = context.pop("time"), context.pop("timeEpoch")
    assert isinstance(epoch, int) and time.endswith(" +0000")
    assert context == {
        "accountId": "anonymous",
        "apiId": "127",
        "authentication": None,
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "http": {
            "method": "POST",
            "path": "/my%20path/x",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "agent",
        },
        "requestId": "id-1",
        "routeKey": "$default",
        "stage": "$default",
    }
    del made["requestContext"]
    assert made == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my%20path/x",
        "rawQueryString": "b=2&a=1&b=%C3%A4+",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "content-length": "11",
            "content-type": "application/json",
            "host": "127.0.0.1:9001",
            "user-agent": "agent",
            "x-amzn-trace-id": TRACE,
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "9001",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"b": "2,ä ", "a": "1"},
        "body": '{"count":1}',
        "pathParameters": None,
        "isBase64Encoded": False,
        "stageVariables": None,
    }


def test_a_plain_request() -> None:
    """What is not there has no field."""
    assert not {"cookies", "queryStringParameters", "body"} & event().keys()
    assert event()["rawQueryString"] == ""


@pytest.mark.parametrize(
    ("content_type", "body", "as_text"),
    [
        ("text/plain; charset=utf-8", "grün".encode(), True),
        ("application/json", b"{}", True),
        ("application/json", b"\xff", False),
        ("image/png", b"\x89PNG", False),
        ("image/png", b"ascii", False),
        (None, b"\x00", False),
    ],
)
def test_bodies(content_type: str | None, body: bytes, as_text: bool) -> None:
    """Text where the content type says so and it is UTF-8, else base64."""
    made = event("POST", headers=[("Content-Type", content_type)] if content_type else [], body=body)
    assert made["isBase64Encoded"] is not as_text
    assert (made["body"].encode() if as_text else base64.b64decode(made["body"], validate=True)) == body


def test_headers_of_the_connection() -> None:
    """Those of the hop stay there, with those that it names; what proxies said of the way here is kept or replaced."""
    headers = [(name, "x") for name in sorted(DROPPED - {"connection"})]
    headers += [("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Upgrade-Insecure-Requests", "1")]
    headers += [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Port", "70")]
    made = event(headers=headers)["headers"]
    assert made.keys() == OWN | {"upgrade-insecure-requests"}
    assert made["x-forwarded-for"] == "198.51.100.1, 127.0.0.1"
    assert (made["x-forwarded-proto"], made["x-forwarded-port"]) == ("http", "9001")


@pytest.mark.parametrize(
    ("host", "domain", "port"),
    [
        ("abc.lambda-url.eu-west-1.on.aws", "abc.lambda-url.eu-west-1.on.aws", "80"),
        ("localhost:8080", "localhost", "8080"),
        ("[::1]:8080", "::1", "8080"),
        ("localhost:nonsense", "localhost", "80"),
        ("localhost:99999", "localhost", "80"),
    ],
)
def test_hosts(host: str, domain: str, port: str) -> None:
    """The domain and the port are those that the client asked for."""
    request = RecordedRequest("GET", "/", "1.1", [("Host", host)], connection=1)
    made = json.loads(url_event(request, b"", request_id="id", trace_id=TRACE, region="us-east-1"))
    assert made["requestContext"]["domainName"] == domain
    assert made["headers"]["host"] == host
    assert made["headers"]["x-forwarded-port"] == port


def test_a_client_without_a_host() -> None:
    """As HTTP/1.0 allows: the domain has the form that it has on AWS."""
    request = RecordedRequest("GET", "/", "1.0", [], connection=1)
    made = json.loads(url_event(request, b"", request_id="id", trace_id=TRACE, region="eu-west-1"))
    assert made["requestContext"]["domainName"].endswith(".lambda-url.eu-west-1.on.aws")
    assert made["requestContext"]["http"]["protocol"] == "HTTP/1.0"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://example.com/a?b=http://c/d", "/a", "b=http://c/d"),
        ("HTTP://example.com", "/", ""),
        ("http://example.com?a=1", "/", "a=1"),
        ("/http://a", "/http://a", ""),
        ("//a//b", "//a//b", ""),
        ("/a?b?c=%2f", "/a", "b?c=%2f"),
        ("/%2e%2E/%2f", "/%2e%2E/%2f", ""),
    ],
)
def test_targets(target: str, path: str, query: str) -> None:
    """Nothing is decoded or tidied up; scheme and host of the absolute form are not part of the path."""
    made = event(target=target)
    assert (made["rawPath"], made["rawQueryString"]) == (path, query)


@pytest.mark.parametrize(
    ("method", "target"), [("OPTIONS", "*"), ("CONNECT", "a:1"), ("GET", "ftp://a/"), ("G+T", "/")]
)
def test_requests_that_are_none(method: str, target: str) -> None:
    """Are refused with the reason."""
    with pytest.raises(ValueError, match=r"path|method"):
        event(method, target)


def test_headers_that_are_not_utf_8() -> None:
    """Are taken for Latin-1, as HTTP has it; those that are stay what they are."""
    headers = [("A", b"gr\xfcn".decode("utf-8", "surrogateescape")), ("B", "grün\u00a0")]
    made = event(headers=headers)["headers"]
    assert (made["a"], made["b"]) == ("grün", "grün\u00a0")


@quiet
@given(pairs=st.lists(st.tuples(texts, texts), max_size=5))
def test_queries_round_trip(pairs: list[tuple[str, str]]) -> None:
    """The raw string is what was sent; repeated parameters are joined, decoded, in order."""
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    made = event(target=f"/?{query}")
    assert made["rawQueryString"] == query
    assert parse_qsl(made["rawQueryString"], keep_blank_values=True) == pairs
    joined = {name: ",".join(value for key, value in pairs if key == name) for name, _ in pairs}
    assert made.get("queryStringParameters", {}) == joined


@quiet
@given(pairs=st.lists(st.tuples(names, st.text(string.printable.strip(), max_size=6)), max_size=5))
def test_headers_round_trip(pairs: list[tuple[str, str]]) -> None:
    """Lower-case names, the values of repeated ones joined in order, and nothing else but the front end's own."""
    made = event(headers=pairs)["headers"]
    joined = {name.lower(): ",".join(value for key, value in pairs if key.lower() == name.lower()) for name, _ in pairs}
    assert {name: value for name, value in made.items() if name not in OWN} == joined
    assert made.keys() >= OWN


@quiet
@given(lines=st.lists(st.lists(st.tuples(cookie_texts, cookie_texts), min_size=1, max_size=3), max_size=3))
def test_cookies_round_trip(lines: list[list[tuple[str, str]]]) -> None:
    """From all Cookie lines in order, in the list and in no header."""
    sent = [[f"{name}={value}" for name, value in line] for line in lines]
    made = event(headers=[("Cookie", "; ".join(line)) for line in sent])
    assert made.get("cookies", []) == [cookie for line in sent for cookie in line]
    assert "cookie" not in made["headers"]
