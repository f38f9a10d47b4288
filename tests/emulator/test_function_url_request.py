"""Events of a function URL: how a request is mapped."""

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
    """Return the event of a request with these header lines and a Host."""
    lines = [("Host", "127.0.0.1:9001"), *(headers or [])]
    request = RecordedRequest(method, target, version, lines, connection=1)
    return json.loads(url_event(request, body, request_id="id-1", trace_id=TRACE, region="us-east-1"))


def test_event_has_all_documented_fields() -> None:
    """The event of a complete request has every documented field."""
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
            "cookie": "a=1; b=2",
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


def test_event_omits_absent_parts() -> None:
    """The event of a plain request has no field for absent cookies, parameters and body."""
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
def test_body_is_text_or_base64(content_type: str | None, body: bytes, as_text: bool) -> None:
    """A body is text if its content type is textual and it is UTF-8, else base64."""
    made = event("POST", headers=[("Content-Type", content_type)] if content_type else [], body=body)
    assert made["isBase64Encoded"] is not as_text
    assert (made["body"].encode() if as_text else base64.b64decode(made["body"], validate=True)) == body


def test_hop_headers_are_dropped() -> None:
    """Hop-by-hop headers are dropped, `X-Forwarded-For` is extended, and other forwarding headers are replaced."""
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
def test_domain_and_port_come_from_host(host: str, domain: str, port: str) -> None:
    """The event's domain and port are those of the Host header."""
    request = RecordedRequest("GET", "/", "1.1", [("Host", host)], connection=1)
    made = json.loads(url_event(request, b"", request_id="id", trace_id=TRACE, region="us-east-1"))
    assert made["requestContext"]["domainName"] == domain
    assert made["headers"]["host"] == host
    assert made["headers"]["x-forwarded-port"] == port


def test_missing_host_gets_aws_domain() -> None:
    """Without a Host header, as in HTTP/1.0, the domain has AWS's form."""
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
def test_target_is_not_decoded(target: str, path: str, query: str) -> None:
    """The target is neither decoded nor normalized; scheme and host of an absolute target are dropped."""
    made = event(target=target)
    assert (made["rawPath"], made["rawQueryString"]) == (path, query)


@pytest.mark.parametrize(
    ("method", "target"), [("OPTIONS", "*"), ("CONNECT", "a:1"), ("GET", "ftp://a/"), ("G+T", "/")]
)
def test_invalid_method_or_target_is_rejected(method: str, target: str) -> None:
    """An invalid method or target is rejected with the reason."""
    with pytest.raises(ValueError, match=r"path|method"):
        event(method, target)


def test_non_utf_8_header_is_latin_1() -> None:
    """A header that is not UTF-8 is decoded as Latin-1."""
    headers = [("A", b"gr\xfcn".decode("utf-8", "surrogateescape")), ("B", "grün\u00a0")]
    made = event(headers=headers)["headers"]
    assert (made["a"], made["b"]) == ("grün", "grün\u00a0")


@quiet
@given(pairs=st.lists(st.tuples(texts, texts), max_size=5))
def test_query_round_trips(pairs: list[tuple[str, str]]) -> None:
    """The raw query is unchanged; the values of repeated parameters are decoded and joined in order."""
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    made = event(target=f"/?{query}")
    assert made["rawQueryString"] == query
    assert parse_qsl(made["rawQueryString"], keep_blank_values=True) == pairs
    joined = {name: ",".join(value for key, value in pairs if key == name) for name, _ in pairs}
    assert made.get("queryStringParameters", {}) == joined


@quiet
@given(pairs=st.lists(st.tuples(names, st.text(string.printable.strip(), max_size=6)), max_size=5))
def test_headers_round_trip(pairs: list[tuple[str, str]]) -> None:
    """Header names are lower-case, the values of repeated ones are joined, and only the URL's headers are added."""
    made = event(headers=pairs)["headers"]
    joined = {name.lower(): ",".join(value for key, value in pairs if key.lower() == name.lower()) for name, _ in pairs}
    assert {name: value for name, value in made.items() if name not in OWN} == joined
    assert made.keys() >= OWN


@quiet
@given(lines=st.lists(st.lists(st.tuples(cookie_texts, cookie_texts), min_size=1, max_size=3), max_size=3))
def test_cookies_round_trip(lines: list[list[tuple[str, str]]]) -> None:
    """The cookies of all Cookie headers are listed in order, and are in one header."""
    sent = [[f"{name}={value}" for name, value in line] for line in lines]
    made = event(headers=[("Cookie", "; ".join(line)) for line in sent])
    assert made.get("cookies", []) == [cookie for line in sent for cookie in line]
    assert made["headers"].get("cookie", "") == "; ".join(made.get("cookies", []))
