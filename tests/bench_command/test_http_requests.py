"""The reader of requests: whole, in pieces, one behind the other, and not HTTP at all."""

from __future__ import annotations

import pytest

from awslambdaric_lite.bench.http_requests import BadRequest, Request, RequestReader

POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n"
REPLY = b"POST /x/response HTTP/1.1\r\nHost: api\r\nCONTENT-Length: 5\r\nX-Type: Some Type \r\n\r\n\r\n\r\n!"
CHUNKED = (
    b"POST /x/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Type: head\r\n\r\n"
    b"3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nX-Error: Late\r\nX-Type: trailer\r\n\r\n"
)
EMPTY_CHUNKED = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
BODIES = {POLL: b"", REPLY: b"\r\n\r\n!", CHUNKED: b"abc0123456789", EMPTY_CHUNKED: b""}


def taken(reader: RequestReader) -> list[Request]:
    """Everything that is complete."""
    found = []
    while (request := reader.take()) is not None:
        found.append(request)
    return found


@pytest.mark.parametrize("data", BODIES)
def test_a_request_that_comes_whole(data: bytes) -> None:
    """It is there, once."""
    reader = RequestReader()
    reader.feed(data)
    (request,) = taken(reader)
    assert request.method + b" " + request.target + b" HTTP/1.1" == data.partition(b"\r\n")[0]
    assert request.body == BODIES[data]


@pytest.mark.parametrize("data", BODIES)
def test_a_request_that_comes_byte_by_byte(data: bytes) -> None:
    """It is there with its last byte, and not before."""
    reader = RequestReader()
    for i in range(len(data) - 1):
        reader.feed(data[i : i + 1])
        assert reader.take() is None, data[: i + 1]
    reader.feed(data[-1:])
    assert [request.body for request in taken(reader)] == [BODIES[data]]


def test_requests_behind_each_other() -> None:
    """One packet may hold an answer and the next poll, and the beginning of more."""
    reader = RequestReader()
    reader.feed(REPLY + CHUNKED + POLL + CHUNKED + POLL[:20])
    bodies = [request.body for request in taken(reader)]
    assert bodies == [BODIES[each] for each in (REPLY, CHUNKED, POLL, CHUNKED)]
    reader.feed(POLL[20:])
    assert [request.target for request in taken(reader)] == [b"/2018-06-01/runtime/invocation/next"]


def test_fields_are_found_in_any_case_and_in_trailers() -> None:
    """The head comes first; a name is found whole only."""
    reader = RequestReader()
    reader.feed(REPLY + CHUNKED)
    reply, chunked = taken(reader)
    assert reply.header(b"x-type") == b"Some Type"
    assert reply.header(b"type") is None and reply.header(b"x-error") is None
    assert chunked.header(b"x-type") == b"head"
    assert chunked.header(b"x-error") == b"Late"


def test_an_expectation_is_told_once() -> None:
    """A client that waits for 100 Continue gets one, unless its body is on the way already."""
    head = b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    reader = RequestReader()
    reader.feed(head[:-1])
    assert not reader.awaits_continue()
    reader.feed(head[-1:])
    assert [reader.awaits_continue() for _ in range(2)] == [True, False]
    reader.feed(b"ok" + head)
    assert reader.take() is not None
    assert reader.awaits_continue(), "the next request has an expectation of its own"
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
def test_what_is_no_request_is_refused_and_shown(data: bytes) -> None:
    """The message has the bytes."""
    reader = RequestReader()
    reader.feed(data)
    with pytest.raises(BadRequest, match="b'"):
        reader.take()
