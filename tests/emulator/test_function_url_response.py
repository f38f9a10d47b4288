"""What functions return, as responses of a function URL."""

from __future__ import annotations

import base64
import json
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awslambdaric_lite.emulator.frontend.url_response import (
    MalformedResponse,
    UrlResponse,
    buffered_response,
    plain_head,
    streamed_head,
)

quiet = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(st.characters(), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
names = st.text(max_size=6) | st.sampled_from(["Content-Type", "Content-Length", "Connection", "Transfer-Encoding"])
envelopes = st.fixed_dictionaries(
    {"statusCode": st.integers(-1, 700) | st.integers(200, 599).map(str) | values},
    optional={
        "headers": st.dictionaries(names, scalars, max_size=4) | values,
        "cookies": st.lists(texts, max_size=3) | values,
        "body": texts | values,
        "isBase64Encoded": st.booleans() | values,
    },
)


def response(**envelope: Any) -> UrlResponse:
    """Map an object with a status."""
    return buffered_response(json.dumps({"statusCode": 200, **envelope}).encode())


@pytest.mark.parametrize(
    "text", ['"Hello, world!"', '{ "message":"ä" }', '["hello",3,true]', "3", "3.1", "true", "null", "1e3", "{}"]
)
def test_json_without_a_status_is_the_body(text: str) -> None:
    """Character for character, with status 200."""
    assert buffered_response(text.encode()) == UrlResponse(200, [("Content-Type", "application/json")], text.encode())


def test_an_object_with_a_status_is_a_response() -> None:
    """Status, headers, one Set-Cookie for each cookie in order, and the body."""
    mapped = response(
        statusCode=201,
        headers={"Content-Type": "text/plain", "X-Tag": "a"},
        cookies=["a=1; Max-Age=3", "b=2"],
        body="grün",
        isBase64Encoded=False,
    )
    assert mapped.status == 201
    assert mapped.headers == [
        ("Content-Type", "text/plain"),
        ("X-Tag", "a"),
        ("Set-Cookie", "a=1; Max-Age=3"),
        ("Set-Cookie", "b=2"),
    ]
    assert mapped.body == "grün".encode()


def test_defaults_of_a_response() -> None:
    """A status alone is enough; nulls are as good as nothing."""
    assert response() == UrlResponse(200, [("Content-Type", "application/json")], b"")
    assert response(headers=None, cookies=None, body=None, isBase64Encoded=None) == response()


def test_scalars_where_text_is_wanted() -> None:
    """They become their JSON text, as a lenient binding has it; a null header is none."""
    mapped = response(
        statusCode="418", headers={"A": 1, "B": True, "C": 1.5, "D": None, "E": " x "}, cookies=[7], body=12
    )
    assert mapped.status == 418
    assert mapped.headers[:4] == [("A", "1"), ("B", "true"), ("C", "1.5"), ("E", "x")]
    assert mapped.headers[-1] == ("Set-Cookie", "7")
    assert mapped.body == b"12"


def test_binary_bodies() -> None:
    """Base64 is decoded where the response says so."""
    data = bytes(range(256))
    assert response(body=base64.b64encode(data).decode(), isBase64Encoded=True).body == data
    assert response(body="AAAA").body == b"AAAA"


def test_headers_of_the_connection() -> None:
    """The front end's own names are renamed or dropped, in any spelling."""
    mapped = response(
        headers={"connection": "close", "Content-Length": "9", "WWW-Authenticate": "Basic", "Date": "now"}
        | {"Transfer-Encoding": "chunked", "keep-alive": "timeout=5", "TE": "x", "Upgrade": "h2c", "Trailer": "T"}
    )
    assert mapped.headers == [
        ("x-amzn-Remapped-connection", "close"),
        ("x-amzn-Remapped-Content-Length", "9"),
        ("x-amzn-Remapped-WWW-Authenticate", "Basic"),
        ("x-amzn-Remapped-Date", "now"),
        ("Content-Type", "application/json"),
    ]


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        ({"statusCode": None}, "statusCode is null"),
        ({"statusCode": "OK"}, 'statusCode is "OK"'),
        ({"statusCode": "٣٠٠"}, "statusCode"),
        ({"statusCode": True}, "statusCode is true"),
        ({"statusCode": 200.5}, "statusCode is 200.5"),
        ({"statusCode": {}}, "statusCode is {}"),
        ({"statusCode": 99}, "statusCode 99 is out of range"),
        ({"statusCode": 600}, "statusCode 600 is out of range"),
        ({"statusCode": -200}, "statusCode -200 is out of range"),
        ({"statusCode": 101}, "statusCode 101 cannot be"),
        ({"headers": []}, "headers is an array"),
        ({"headers": "a: b"}, "headers is text"),
        ({"headers": {"a": ["b"]}}, "a is an array"),
        ({"headers": {"a": {}}}, "a is an object"),
        ({"headers": {"a b": "c"}}, "'a b' is not a header name"),
        ({"headers": {"": "c"}}, "'' is not a header name"),
        ({"headers": {"a": "b\r\nInjected: c"}}, "a has a line break"),
        ({"headers": {"a": "\0"}}, "a has a line break or another control"),
        ({"headers": {"a": "\ud800"}}, "a has a lone surrogate"),
        ({"cookies": "a=b"}, "cookies is text"),
        ({"cookies": {"a": "b"}}, "cookies is an object"),
        ({"cookies": [None]}, "cookies is null"),
        ({"cookies": ["a=b\nSet-Cookie: c=d"]}, "cookies has a line break"),
        ({"body": {"a": 1}}, "body is an object"),
        ({"body": ["a"]}, "body is an array"),
        ({"body": "not base64!", "isBase64Encoded": True}, "body is not base64"),
        ({"body": "ä", "isBase64Encoded": True}, "body is not base64"),
        ({"body": "AAAA", "isBase64Encoded": "yes"}, 'isBase64Encoded is "yes"'),
    ],
)
def test_malformed_responses(envelope: dict[str, Any], reason: str) -> None:
    """Each is refused with a text that says what is wrong."""
    with pytest.raises(MalformedResponse) as refusal:
        response(**envelope)
    assert reason in str(refusal.value)


@pytest.mark.parametrize("text", [b"", b"hello", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"statusCode":200}\0'])
def test_what_is_not_json(text: bytes) -> None:
    """Is refused, whatever it was meant to be."""
    with pytest.raises(MalformedResponse, match="not JSON"):
        buffered_response(text)


def test_heads_of_streams() -> None:
    """The same rules for the metadata, with 200 and octets as defaults; a stream without any has the POST's type."""
    head = streamed_head(b'{"statusCode":404,"headers":{"Content-Type":"text/x"},"cookies":["a=1"],"body":"?"}')
    assert head == UrlResponse(404, [("Content-Type", "text/x"), ("Set-Cookie", "a=1")])
    assert streamed_head(b"{}") == plain_head("application/octet-stream")
    for metadata in (b"[]", b'"text"', b"{", b'{"statusCode":"x"}', b'{"statusCode":200,"headers":3}'):
        with pytest.raises(MalformedResponse):
            streamed_head(metadata)


@quiet
@given(envelope=envelopes)
def test_no_result_breaks_the_protocol(envelope: dict[str, Any]) -> None:
    """Whatever a function returns is either refused or can be sent, and arrives as it was mapped."""
    try:
        mapped = buffered_response(json.dumps(envelope).encode())
    except MalformedResponse:
        return
    server, client = h11.Connection(h11.SERVER), h11.Connection(h11.CLIENT)
    server.receive_data(client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")])) or b"")
    server.next_event()
    fields = [(name.encode(), value.encode()) for name, value in mapped.headers]
    framed = [(b"Content-Length", b"%d" % len(mapped.body))]
    client.receive_data(server.send(h11.Response(status_code=mapped.status, headers=fields + framed)) or b"")
    event = client.next_event()
    assert isinstance(event, h11.Response) and event.status_code == mapped.status
    assert [(name, value) for name, value in event.headers] == [
        (name.lower(), value) for name, value in fields + framed
    ]
