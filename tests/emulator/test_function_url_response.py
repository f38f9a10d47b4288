"""Responses of a function URL: how a function's results are mapped."""

from __future__ import annotations

import base64
import json
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awslambdaric_lite.emulator.frontend.proxy_result import HttpResponse, MalformedResponse
from awslambdaric_lite.emulator.frontend.url_response import buffered_response, plain_head, streamed_head

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


def response(**envelope: Any) -> HttpResponse:
    """Map an object with a status."""
    return buffered_response(json.dumps({"statusCode": 200, **envelope}).encode())


@pytest.mark.parametrize(
    "text", ['"Hello, world!"', '{ "message":"ä" }', '["hello",3,true]', "3", "3.1", "true", "null", "1e3", "{}"]
)
def test_json_without_status_is_body(text: str) -> None:
    """JSON without a status is the response's body, character by character, with status 200."""
    assert buffered_response(text.encode()) == HttpResponse(200, [("Content-Type", "application/json")], text.encode())


def test_object_with_status_is_mapped() -> None:
    """An object with a status is mapped to status, headers, one Set-Cookie per cookie, and body."""
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


def test_null_fields_get_defaults() -> None:
    """A missing or null field of a response gets its default."""
    assert response() == HttpResponse(200, [("Content-Type", "application/json")], b"")
    assert response(headers=None, cookies=None, body=None, isBase64Encoded=None) == response()


def test_scalar_becomes_json_text() -> None:
    """A scalar header, cookie or body becomes its JSON text, and a null header is dropped."""
    mapped = response(
        statusCode="418", headers={"A": 1, "B": True, "C": 1.5, "D": None, "E": " x "}, cookies=[7], body=12
    )
    assert mapped.status == 418
    assert mapped.headers[:4] == [("A", "1"), ("B", "true"), ("C", "1.5"), ("E", "x")]
    assert mapped.headers[-1] == ("Set-Cookie", "7")
    assert mapped.body == b"12"


def test_base64_body_is_decoded() -> None:
    """A body is decoded from base64 only if `isBase64Encoded` is true."""
    data = bytes(range(256))
    assert response(body=base64.b64encode(data).decode(), isBase64Encoded=True).body == data
    assert response(body="AAAA").body == b"AAAA"


def test_reserved_header_is_renamed_or_dropped() -> None:
    """A header that the front end reserves is renamed or dropped, in any letter case."""
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
def test_malformed_response_is_rejected_with_reason(envelope: dict[str, Any], reason: str) -> None:
    """A malformed response is rejected with the reason."""
    with pytest.raises(MalformedResponse) as refusal:
        response(**envelope)
    assert reason in str(refusal.value)


@pytest.mark.parametrize("text", [b"", b"hello", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"statusCode":200}\0'])
def test_non_json_result_is_rejected(text: bytes) -> None:
    """A result that is not JSON is rejected."""
    with pytest.raises(MalformedResponse, match="not JSON"):
        buffered_response(text)


def test_stream_metadata_is_mapped_like_response() -> None:
    """Stream metadata is mapped like a response, with status 200 and octets as defaults."""
    head = streamed_head(b'{"statusCode":404,"headers":{"Content-Type":"text/x"},"cookies":["a=1"],"body":"?"}')
    assert head == HttpResponse(404, [("Content-Type", "text/x"), ("Set-Cookie", "a=1")])
    assert streamed_head(b"{}") == plain_head("application/octet-stream")
    for metadata in (b"[]", b'"text"', b"{", b'{"statusCode":"x"}', b'{"statusCode":200,"headers":3}'):
        with pytest.raises(MalformedResponse):
            streamed_head(metadata)


@quiet
@given(envelope=envelopes)
def test_accepted_result_is_valid_http(envelope: dict[str, Any]) -> None:
    """Every result is either rejected or mapped to valid HTTP that arrives unchanged."""
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
