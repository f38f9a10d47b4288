"""Tests of the bytes that `_http.ResponseReader` receives in place, and of those that it keeps."""

from __future__ import annotations

import pytest

from awslambdaric_lite._http import ResponseReader

from .vectors import ACCEPTED, CHUNKED, NEXT, head


@pytest.mark.parametrize("received", [b"", b"a", b"abcdefghi"], ids=["nothing", "one byte", "all but one byte"])
def test_rest_of_sized_body_is_received_in_place(received: bytes) -> None:
    """The reader offers room for exactly the bytes of a sized body that are still to come."""
    reader = ResponseReader()
    assert reader.feed(head(b"Content-Length: 10") + received) is None
    rest = b"abcdefghij"[len(received) :]
    while rest:
        room = reader.room()
        assert room is not None
        assert len(room) == len(rest)
        room[:1] = rest[:1]
        rest = rest[1:]
        response = reader.filled(1)
    assert response is not None
    assert response[2] == b"abcdefghij"
    assert reader.room() is None


@pytest.mark.parametrize("received", [b"", b"HTTP/1.1 200", CHUNKED, head()])
def test_bytes_without_known_length_are_not_received_in_place(received: bytes) -> None:
    """The reader offers no room before a head, nor in a body without a length."""
    reader = ResponseReader()
    if received:
        assert reader.feed(received) is None
    assert reader.room() is None


def test_repeated_confirmation_is_not_parsed_again() -> None:
    """The same bytes of a confirmation give the response that was parsed before, also in front of an event."""
    reader = ResponseReader()
    confirmation = reader.feed(ACCEPTED)
    assert confirmation is not None
    assert reader.feed(NEXT) is not None
    assert reader.feed(ACCEPTED) is confirmation
    assert reader.feed(ACCEPTED + NEXT) is confirmation
    event = reader.read()
    assert event is not None
    assert event[2] == b'{"key": 42}'


@pytest.mark.parametrize(
    "data",
    [NEXT, head(b"Connection: close", b"Content-Length: 1", start=b"HTTP/1.1 202 Accepted") + b"x"],
    ids=["an event", "a confirmation after which the connection is closed"],
)
def test_other_responses_are_not_kept(data: bytes) -> None:
    """The reader keeps no reference to another response, which may be large, so that it parses the same bytes again."""
    reader = ResponseReader()
    first = reader.feed(data)
    second = reader.feed(data)
    assert first == second
    assert first is not None
    assert first is not second
