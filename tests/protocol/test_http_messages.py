"""HTTP messages: requests read whole, in pieces and in a row, bytes that are not HTTP, rendered responses."""

from __future__ import annotations

import pytest

from awslambdaric_lite.protocol.http_messages import (
    BadRequest,
    ParsedRequest,
    RequestReader,
    parse_fields,
    render_response,
)

POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n"
REPLY = b"POST /x/response HTTP/1.1\r\nHost: api\r\nCONTENT-Length: 5\r\nX-Type: Some Type \r\n\r\n\r\n\r\n!"
CHUNKED = (
    b"POST /x/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Type: head\r\n\r\n"
    b"3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nX-Error: Late\r\nX-Type: trailer\r\n\r\n"
)
EMPTY_CHUNKED = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
BODIES = {POLL: b"", REPLY: b"\r\n\r\n!", CHUNKED: b"abc0123456789", EMPTY_CHUNKED: b""}


def taken(reader: RequestReader) -> list[ParsedRequest]:
    """Take all complete requests."""
    found = []
    while (request := reader.take()) is not None:
        found.append(request)
    return found


@pytest.mark.parametrize("data", BODIES)
def test_whole_request_is_read_once(data: bytes) -> None:
    """A request that arrives in one piece is returned once."""
    reader = RequestReader()
    reader.feed(data)
    (request,) = taken(reader)
    assert f"{request.method} {request.target} HTTP/1.1".encode() == data.partition(b"\r\n")[0]
    assert request.body == BODIES[data]


@pytest.mark.parametrize("data", BODIES)
def test_request_in_single_bytes_is_complete_with_the_last(data: bytes) -> None:
    """A request that arrives byte by byte is returned with its last byte, not earlier."""
    reader = RequestReader()
    for i in range(len(data) - 1):
        reader.feed(data[i : i + 1])
        assert reader.take() is None, data[: i + 1]
    reader.feed(data[-1:])
    assert [request.body for request in taken(reader)] == [BODIES[data]]


def test_pipelined_requests_are_read_in_order() -> None:
    """One packet can hold a response, the next poll and the beginning of another request."""
    reader = RequestReader()
    reader.feed(REPLY + CHUNKED + POLL + CHUNKED + POLL[:20])
    bodies = [request.body for request in taken(reader)]
    assert bodies == [BODIES[each] for each in (REPLY, CHUNKED, POLL, CHUNKED)]
    reader.feed(POLL[20:])
    assert [request.target for request in taken(reader)] == ["/2018-06-01/runtime/invocation/next"]


def test_fields_are_found_in_any_case_and_in_trailers() -> None:
    """A field is found by its whole name, in the head before the trailers."""
    reader = RequestReader()
    reader.feed(REPLY + CHUNKED)
    reply, chunked = taken(reader)
    assert reply.header("x-type") == "Some Type"
    assert reply.header("type") is None and reply.header("X-Error") is None
    assert chunked.header("x-type") == "head"
    assert chunked.header("x-error") == "Late"


def test_expectation_is_reported_once() -> None:
    """A client that waits for 100 Continue is reported once, unless a part of its body has arrived."""
    head = b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    reader = RequestReader()
    reader.feed(head[:-1])
    assert not reader.awaits_continue()
    reader.feed(head[-1:])
    assert [reader.awaits_continue() for _ in range(2)] == [True, False]
    reader.feed(b"ok" + head)
    assert reader.take() is not None
    assert reader.awaits_continue(), "the next request has its expectation"
    reader = RequestReader()
    reader.feed(head + b"o")
    assert not reader.awaits_continue()
    reader.feed(b"k" + POLL)
    assert len(taken(reader)) == 2 and not reader.awaits_continue()


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"GET /x SPDY/3\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_bytes_that_are_not_a_request_are_refused(data: bytes) -> None:
    """Bytes that are not a request are refused, and the message shows them."""
    reader = RequestReader()
    reader.feed(data)
    with pytest.raises(BadRequest, match="b'"):
        reader.take()


def test_chunks_are_passed_on_one_by_one() -> None:
    """Each chunk is passed on when it is complete, and the request has all of them and the trailer fields."""
    chunks: list[bytes] = []
    reader = RequestReader(on_chunk=chunks.append)
    split = CHUNKED.index(b"A;ext")
    reader.feed(CHUNKED[:split])
    assert reader.take() is None and chunks == [b"abc"]
    reader.feed(CHUNKED[split:])
    (request,) = taken(reader)
    assert list(request.chunks) == chunks == [b"abc", b"0123456789"]
    assert parse_fields(request.head) == [("Transfer-Encoding", "chunked"), ("X-Type", "head")]
    assert parse_fields(request.trailers) == [("X-Error", "Late"), ("X-Type", "trailer")]


@pytest.mark.parametrize(("length", "unread"), [(5, False), (6, True)])
def test_body_above_the_limit_is_left_unread(length: int, unread: bool) -> None:
    """A request whose declared length exceeds the limit is returned without its body."""
    reader = RequestReader(limit=5)
    reader.feed(b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length + (b"" if unread else b"12345"))
    (request,) = taken(reader) if not unread else (reader.take(),)
    assert request is not None and (request.unread, request.body) == (unread, b"" if unread else b"12345")


@pytest.mark.parametrize(
    ("size", "chunk_size", "end"),
    [
        (2048, None, b"Content-Length: 2048\r\n\r\n" + b"x" * 2048),
        (2049, None, b"Transfer-Encoding: chunked\r\n\r\n801\r\n" + b"x" * 2049 + b"\r\n0\r\n\r\n"),
        (2049, 2048, b"800\r\n" + b"x" * 2048 + b"\r\n1\r\nx\r\n0\r\n\r\n"),
    ],
)
def test_response_is_framed_as_in_go(size: int, chunk_size: int | None, end: bytes) -> None:
    """A response up to 2048 bytes has a length; a longer one is chunked."""
    response = render_response(200, [("X-Type", "é")], b"x" * size, chunk_size)
    assert response.startswith("HTTP/1.1 200 OK\r\nX-Type: é\r\n".encode()) and response.endswith(end)
