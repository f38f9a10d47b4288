"""What API Gateway's three kinds of API, function URLs and load balancers each have of their own."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite import events

from .examples import ID, TIME, TIME_MS
from .quiet import quiet
from .test_http import wire


def test_function_url_context() -> None:
    """Every field of the documented structure, from the request or from the arguments."""
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


def test_function_url_without_authentication() -> None:
    """Nobody is authorized, and the account is anonymous, as is seen on AWS; the domain is of AWS's form."""
    context = events.function_url(region="eu-west-1")["requestContext"]
    assert "authorizer" not in context
    assert context["accountId"] == "anonymous"
    assert context["domainName"] == f"{context['apiId']}.lambda-url.eu-west-1.on.aws"
    assert events.function_url(account="111122223333")["requestContext"]["accountId"] == "111122223333"


@pytest.mark.parametrize(
    ("host", "domain"), [("127.0.0.1:9001", "127.0.0.1"), ("[::1]:9001", "::1"), ("example.com", "example.com")]
)
def test_the_domain_is_that_of_the_host_header(host: str, domain: str) -> None:
    """Without its port, unless an argument says otherwise."""
    assert events.function_url(headers={"Host": host})["requestContext"]["domainName"] == domain
    context = events.function_url(headers={"Host": host}, domain="abc.example.com")["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == ("abc.example.com", "abc")


@quiet
@given(segment=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/?%"), min_size=1, max_size=8))
def test_paths_written_by_people_are_encoded(segment: str) -> None:
    """A URL has neither spaces nor non-ASCII characters; a REST API and a function URL hand on what it has."""
    for event, key in (
        (events.function_url("GET", f"/{segment}"), "rawPath"),
        (events.api_gateway_v1("GET", f"/{segment}"), "path"),
        (events.alb("GET", f"/{segment}"), "path"),
    ):
        assert set(event[key]) <= set(wire)
        assert unquote(event[key]) == f"/{segment}"


def test_an_http_api_decodes_the_path() -> None:
    """`rawPath` is not raw there; the query string is."""
    event = events.api_gateway_v2("GET", "/caf%C3%A9/a%2Fb?q=%C3%A9", route_key="GET /{kind}/{rest+}")
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/café/a/b"
    assert event["pathParameters"] == {"kind": "café", "rest": "a/b"}
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("q=%C3%A9", {"q": "é"})


def test_an_http_api_with_a_stage() -> None:
    """The stage is in front of the path, but of no route."""
    event = events.api_gateway_v2(
        "GET", "/orders/7", route_key="ANY /orders/{id}", stage="dev", stage_variables={"a": "b"}
    )
    assert (event["rawPath"], event["pathParameters"]) == ("/dev/orders/7", {"id": "7"})
    assert event["requestContext"]["stage"] == "dev"
    assert event["stageVariables"] == {"a": "b"}


def test_an_http_api_leaves_out_what_is_not_there() -> None:
    """No nulls: absent fields are absent."""
    absent = {"cookies", "queryStringParameters", "pathParameters", "stageVariables", "body"}
    assert not absent & events.api_gateway_v2().keys()
    assert "authorizer" not in events.api_gateway_v2()["requestContext"]


def test_a_rest_api_has_last_values_and_all_values() -> None:
    """Of headers and of decoded parameters; header names keep their spelling."""
    event = events.api_gateway_v1(
        "GET", "/a?name=me&many=you&many=%C3%A9", headers={"X-Tag": ["a", "b"]}, cookies={"id": "7", "b": "c"}
    )
    assert event["queryStringParameters"] == {"name": "me", "many": "é"}
    assert event["multiValueQueryStringParameters"] == {"name": ["me"], "many": ["you", "é"]}
    assert (event["headers"]["X-Tag"], event["multiValueHeaders"]["X-Tag"]) == ("b", ["a", "b"])
    assert event["headers"]["Cookie"] == "id=7; b=c"
    assert event["headers"].keys() == event["multiValueHeaders"].keys()


def test_a_rest_api_says_null_for_what_is_not_there() -> None:
    """All fields are there at all times."""
    event = events.api_gateway_v1()
    for field in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"):
        assert event[field] is None
    assert event["body"] is None
    assert (event["resource"], event["path"], event["requestContext"]["path"]) == ("/", "/", "/prod/")


def test_a_rest_api_keeps_bytes_as_base64() -> None:
    """As if the content type were one of the API's binary media types; text stays text whatever its type."""
    event = events.api_gateway_v1("POST", "/", body=b"text", headers={"content-type": "text/plain"})
    assert (event["body"], event["isBase64Encoded"]) == ("dGV4dA==", True)
    event = events.api_gateway_v1(
        "POST", "/", body="a=1", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert (event["body"], event["isBase64Encoded"]) == ("a=1", False)


def test_a_load_balancer_decodes_nothing_and_keeps_last_values() -> None:
    """Without multi-value headers."""
    event = events.alb("GET", "/?my%20Key=val1&my%20Key=val%202&&flag", headers={"Cookie": ["a=1", "b=2"]})
    assert event["queryStringParameters"] == {"my%20Key": "val%202", "flag": ""}
    assert event["headers"]["cookie"] == "b=2"
    assert not {"multiValueHeaders", "multiValueQueryStringParameters"} & event.keys()


def test_a_load_balancer_with_multi_value_headers() -> None:
    """Lists in fields of other names."""
    event = events.alb("GET", "/?myKey=val1&myKey=val2", headers={"Cookie": ["a=1", "b=2"]}, multi_value=True)
    assert event["multiValueQueryStringParameters"] == {"myKey": ["val1", "val2"]}
    assert event["multiValueHeaders"]["cookie"] == ["a=1", "b=2"]
    assert all(isinstance(values, list) for values in event["multiValueHeaders"].values())
    assert not {"headers", "queryStringParameters"} & event.keys()


def test_websocket_events() -> None:
    """Connection, message and disconnection share the connection's id and have fields of their own."""
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
