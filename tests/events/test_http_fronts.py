"""Events that differ between API Gateway's kinds of API, function URLs and load balancers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite import events

from .examples import ID, TIME, TIME_MS
from .quiet import quiet
from .test_http import wire


def test_function_url_context_is_complete() -> None:
    """The request context of a function URL has every documented field, from the request or from the arguments."""
    iam = {"iam": {"accessKey": "AKIA", "userId": "AIDA"}}
    event = events.function_url(
        "put",
        "/a%20b",
        headers={"host": "abc.lambda-url.eu-west-1.on.aws:443"},
        authorizer=iam,
        protocol="HTTP/2",
        request_id=ID,
        time=TIME,
    )
    assert event["requestContext"] == {
        "accountId": "123456789012",
        "apiId": "abc",
        "authentication": None,
        "authorizer": iam,
        "domainName": "abc.lambda-url.eu-west-1.on.aws",
        "domainPrefix": "abc",
        "http": {
            "method": "PUT",
            "path": "/a%20b",
            "protocol": "HTTP/2",
            "sourceIp": "203.0.113.17",
            "userAgent": "",
        },
        "requestId": ID,
        "routeKey": "$default",
        "stage": "$default",
        "time": "12/Mar/2020:19:03:58 +0000",
        "timeEpoch": TIME_MS,
    }
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/a%20b")
    assert (event["pathParameters"], event["stageVariables"], event["isBase64Encoded"]) == (None, None, False)


def test_function_url_without_authorizer_is_anonymous() -> None:
    """Without an authorizer the account of a function URL is anonymous, as on AWS, unless an argument names one."""
    context = events.function_url(region="eu-west-1")["requestContext"]
    assert "authorizer" not in context
    assert context["accountId"] == "anonymous"
    assert context["domainName"] == f"{context['apiId']}.lambda-url.eu-west-1.on.aws"
    assert events.function_url(account="111122223333")["requestContext"]["accountId"] == "111122223333"


@pytest.mark.parametrize(
    ("host", "domain"), [("127.0.0.1:9001", "127.0.0.1"), ("[::1]:9001", "::1"), ("example.com", "example.com")]
)
def test_domain_follows_the_host_header(host: str, domain: str) -> None:
    """The domain of a function URL is the host in the Host header without its port, unless an argument names it."""
    assert events.function_url(headers={"Host": host})["requestContext"]["domainName"] == domain
    context = events.function_url(headers={"Host": host}, domain="abc.example.com")["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == ("abc.example.com", "abc")


@quiet
@given(segment=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/?%"), min_size=1, max_size=8))
def test_unencoded_paths_become_encoded(segment: str) -> None:
    """A path with spaces or non-ASCII characters becomes percent-encoded, and decodes to the original."""
    for event, key in (
        (events.function_url("GET", f"/{segment}"), "rawPath"),
        (events.api_gateway_v1("GET", f"/{segment}"), "path"),
        (events.alb("GET", f"/{segment}"), "path"),
    ):
        assert set(event[key]) <= set(wire)
        assert unquote(event[key]) == f"/{segment}"


def test_http_api_decodes_the_path() -> None:
    """An HTTP API decodes the path, but not the query string."""
    event = events.api_gateway_v2("GET", "/caf%C3%A9/a%2Fb?q=%C3%A9", route_key="GET /{kind}/{rest+}")
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/café/a/b"
    assert event["pathParameters"] == {"kind": "café", "rest": "a/b"}
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("q=%C3%A9", {"q": "é"})


def test_http_api_adds_the_stage() -> None:
    """An HTTP API puts the stage before the path, and matches the route without it."""
    event = events.api_gateway_v2(
        "GET", "/orders/7", route_key="ANY /orders/{id}", stage="dev", stage_variables={"a": "b"}
    )
    assert (event["rawPath"], event["pathParameters"]) == ("/dev/orders/7", {"id": "7"})
    assert event["requestContext"]["stage"] == "dev"
    assert event["stageVariables"] == {"a": "b"}


def test_http_api_omits_empty_fields() -> None:
    """An HTTP API omits fields without a value."""
    absent = {"cookies", "queryStringParameters", "pathParameters", "stageVariables", "body"}
    assert not absent & events.api_gateway_v2().keys()
    assert "authorizer" not in events.api_gateway_v2()["requestContext"]


def test_http_api_has_format_1() -> None:
    """Format 1.0 of an HTTP API has the fields of a REST API's event, with the decoded path and the stage."""
    event = events.api_gateway_v2(
        "POST",
        "/caf%C3%A9/?a=1&a=2",
        route_key="ANY /{rest+}",
        payload_format="1.0",
        stage="dev",
        headers={"X-Tag": ["a", "b"], "Content-Type": "text/plain"},
        body=b"text",
        authorizer={"jwt": {"claims": {"sub": "7"}, "scopes": ["read"]}},
    )
    assert (event["version"], event["resource"], event["path"]) == ("1.0", "/{rest+}", "/dev/café/")
    assert event["pathParameters"] == {"rest": "café/"}
    assert (event["headers"]["X-Tag"], event["multiValueHeaders"]["X-Tag"]) == ("b", ["a", "b"])
    assert event["headers"]["Content-Length"] == "4"
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"a": "2"}, {"a": ["1", "2"]})
    assert (event["body"], event["isBase64Encoded"]) == ("text", False)
    context = event["requestContext"]
    assert context["authorizer"] == {"claims": {"sub": "7"}, "scopes": ["read"]}
    assert (context["path"], context["resourceId"], context["stage"]) == ("/dev/café/", None, "dev")


def test_format_1_has_null_for_empty_fields() -> None:
    """Format 1.0 has null in fields without a value; `$default` is the resource of the default route."""
    event = events.api_gateway_v2(payload_format="1.0")
    for field in ("body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters"):
        assert event[field] is None
    assert (event["resource"], event["stageVariables"]) == ("$default", None)
    assert event["requestContext"]["authorizer"] == {"claims": None, "scopes": None}


@pytest.mark.parametrize(
    ("path", "sent", "whole"), [("/a/", "/a/", "/prod/a/"), ("//a", "/a", "/prod//a"), ("/a//", "/a//", "/prod/a//")]
)
def test_rest_api_ignores_outer_slashes(path: str, sent: str, whole: str) -> None:
    """Trailing slashes and repeated leading ones of a path are in no parameter of a REST API."""
    event = events.api_gateway_v1("GET", path, resource="/{proxy+}")
    assert (event["path"], event["requestContext"]["path"]) == (sent, whole)
    assert event["pathParameters"] == {"proxy": "a"}


def test_rest_api_has_last_and_all_values() -> None:
    """A REST API has the last and all values of headers and decoded parameters, and keeps the spelling of names."""
    event = events.api_gateway_v1(
        "GET", "/a?name=me&many=you&many=%C3%A9", headers={"X-Tag": ["a", "b"]}, cookies={"id": "7", "b": "c"}
    )
    assert event["queryStringParameters"] == {"name": "me", "many": "é"}
    assert event["multiValueQueryStringParameters"] == {"name": ["me"], "many": ["you", "é"]}
    assert (event["headers"]["X-Tag"], event["multiValueHeaders"]["X-Tag"]) == ("b", ["a", "b"])
    assert event["headers"]["Cookie"] == "id=7; b=c"
    assert event["headers"].keys() == event["multiValueHeaders"].keys()


def test_rest_api_has_null_for_empty_fields() -> None:
    """A REST API has null in fields without a value."""
    event = events.api_gateway_v1()
    for field in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"):
        assert event[field] is None
    assert event["body"] is None
    assert (event["resource"], event["path"], event["requestContext"]["path"]) == ("/", "/", "/prod/")


def test_rest_api_encodes_only_bytes() -> None:
    """A REST API has a body of bytes as base64 and text as text, whatever the content type."""
    event = events.api_gateway_v1("POST", "/", body=b"text", headers={"content-type": "text/plain"})
    assert (event["body"], event["isBase64Encoded"]) == ("dGV4dA==", True)
    event = events.api_gateway_v1(
        "POST", "/", body="a=1", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert (event["body"], event["isBase64Encoded"]) == ("a=1", False)


@pytest.mark.parametrize(
    ("domain", "path"), [(None, "/live/shop/a"), ("api.example.com", "/shop/a"), ("a.execute-api.x", "/live/shop/a")]
)
def test_rest_api_has_the_whole_path_in_the_context(domain: str | None, path: str) -> None:
    """The path in the context has the stage in AWS's domains, and is the same as that of the event in custom ones."""
    event = events.api_gateway_v1("GET", "/shop/a?b=c", stage="live", domain=domain)
    assert (event["path"], event["requestContext"]["path"]) == ("/shop/a", path)


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "4"}, {"content-length": ["4", "5"]}])
def test_rest_api_removes_the_length(headers: dict[str, Any]) -> None:
    """A REST API removes the content length, also one that the client sent."""
    event = events.api_gateway_v1("POST", "/", body="text", headers=headers)
    assert "content-length" not in {name.lower() for name in (*event["headers"], *event["multiValueHeaders"])}


def test_load_balancer_keeps_encoded_last_values() -> None:
    """A load balancer without multi-value headers keeps the last value of each parameter, not decoded."""
    event = events.alb("GET", "/?my%20Key=val1&my%20Key=val%202&&flag", headers={"Cookie": ["a=1", "b=2"]})
    assert event["queryStringParameters"] == {"my%20Key": "val%202", "flag": ""}
    assert event["headers"]["cookie"] == "b=2"
    assert not {"multiValueHeaders", "multiValueQueryStringParameters"} & event.keys()


def test_load_balancer_lists_multiple_values() -> None:
    """A load balancer with multi-value headers has lists in separate fields."""
    event = events.alb("GET", "/?myKey=val1&myKey=val2", headers={"Cookie": ["a=1", "b=2"]}, multi_value=True)
    assert event["multiValueQueryStringParameters"] == {"myKey": ["val1", "val2"]}
    assert event["multiValueHeaders"]["cookie"] == ["a=1", "b=2"]
    assert all(isinstance(values, list) for values in event["multiValueHeaders"].values())
    assert not {"headers", "queryStringParameters"} & event.keys()


def test_websocket_events_share_the_connection() -> None:
    """Connect, message and disconnect events have the same connection id and the fields of their type."""
    connect = events.websocket("$connect", query={"a": ["1", "2"]}, connection_id="C=", user_agent="ws")
    message = events.websocket("chat", {"action": "chat"}, connection_id="C=", authorizer={"principalId": "7"})
    binary = events.websocket(body=b"\xff", connection_id="C=")
    end = events.websocket("$disconnect", connection_id="C=", disconnect_code=1001, disconnect_reason="bye")
    contexts = [event["requestContext"] for event in (connect, message, binary, end)]
    assert [context["eventType"] for context in contexts] == ["CONNECT", "MESSAGE", "MESSAGE", "DISCONNECT"]
    assert [context["routeKey"] for context in contexts] == ["$connect", "chat", "$default", "$disconnect"]
    assert {context["connectionId"] for context in contexts} == {"C="}
    assert connect["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert connect["headers"]["User-Agent"] == contexts[0]["identity"]["userAgent"] == "ws"
    assert json.loads(message["body"]) == {"action": "chat"}
    assert contexts[1]["authorizer"] == {"principalId": "7"}
    assert (binary["body"], binary["isBase64Encoded"]) == ("/w==", True)
    assert (contexts[3]["disconnectStatusCode"], contexts[3]["disconnectReason"]) == (1001, "bye")
