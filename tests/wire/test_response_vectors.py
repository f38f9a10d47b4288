"""Tests of `_http.ResponseReader` with byte vectors, in any pieces, by `feed()` and in place."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from awslambdaric_lite import _http, _http_head
from awslambdaric_lite._function_errors import ConnectionLost, ProtocolError
from awslambdaric_lite._http import ResponseReader

from .feeding import feed
from .vectors import BROKEN, CHUNKED, NEXT, WHOLE, Broken, Expected, Whole, head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awslambdaric_lite._http import Response

WHOLE_IDS = [vector.name for vector in WHOLE]
BROKEN_IDS = [vector.name for vector in BROKEN]


def ways(data: bytes) -> Iterable[tuple[list[bytes], bool]]:
    """Return each way of feeding: whole, byte by byte, and cut at each point."""
    single = [data[position : position + 1] for position in range(len(data))]
    for in_place in (False, True):
        yield [data], in_place
        yield single, in_place
        for cut in range(1, len(data)):
            yield [data[:cut], data[cut:]], in_place


def check(responses: list[Response], expected: Iterable[Expected]) -> None:
    """Assert that the responses are the expected ones."""
    expected = list(expected)
    assert [(status, bytes(body), keep_alive) for status, _, body, keep_alive in responses] == [
        (each.status, each.body, each.keep_alive) for each in expected
    ]
    for (_, headers, _, _), each in zip(responses, expected, strict=True):
        assert {name: headers.get(name) for name in each.headers} == each.headers


@pytest.mark.parametrize("vector", WHOLE, ids=WHOLE_IDS)
def test_pieces_do_not_change_a_response(vector: Whole) -> None:
    """The responses are the same if fed whole, byte by byte or cut at any point, by `feed()` or into `room()`."""
    for pieces, in_place in ways(vector.data):
        reader = ResponseReader()
        responses = feed(reader, pieces, in_place=in_place)
        if vector.closed:
            assert not reader.idle
            responses.append(reader.end())
        check(responses, vector.responses)
        assert reader.idle
        assert reader.read() is None


@pytest.mark.parametrize("vector", [vector for vector in WHOLE if not vector.closed], ids=lambda vector: vector.name)
def test_following_response_is_read_too(vector: Whole) -> None:
    """A response that follows is read whole, wherever the bytes are cut."""
    expected = [*vector.responses, Expected(200, b'{"key": 42}')]
    for pieces, in_place in ways(vector.data + NEXT):
        reader = ResponseReader()
        check(feed(reader, pieces, in_place=in_place), expected)
        assert reader.idle


@pytest.mark.parametrize("vector", WHOLE, ids=WHOLE_IDS)
def test_end_within_response_loses_connection(vector: Whole) -> None:
    """An end of the stream raises ConnectionLost that says whether it is within or before a response."""
    for cut in range(len(vector.data)):
        reader = ResponseReader()
        feed(reader, [vector.data[:cut]], in_place=False)
        if vector.closed and cut >= vector.data.index(b"\r\n\r\n") + 4:
            continue  # the end of the stream ends the body
        text = "before a response" if cut in vector.starts else "in the middle of a response"
        with pytest.raises(ConnectionLost, match=text):
            reader.end()


def test_end_after_response_loses_connection() -> None:
    """An end of the stream after a whole response raises ConnectionLost that says so."""
    reader = ResponseReader()
    feed(reader, [NEXT], in_place=False)
    with pytest.raises(ConnectionLost, match="before a response"):
        reader.end()


@pytest.mark.parametrize("vector", BROKEN, ids=BROKEN_IDS)
def test_broken_response_is_refused_and_shown(vector: Broken) -> None:
    """The error for a broken response says what is wrong and shows the offending bytes."""
    reader = ResponseReader()
    with pytest.raises(ProtocolError) as caught:
        feed(reader, [vector.data], in_place=False)
    message = str(caught.value)
    assert vector.reason in message
    shown = {
        repr(vector.offending)[2:-1],
        repr(vector.offending.decode("latin-1"))[1:-1],
        vector.offending.decode("latin-1"),
    }
    shown |= {vector.offending.decode("utf-8", "replace")}
    assert any(each in message for each in shown), message
    assert len(message) < 400


@pytest.mark.parametrize("vector", BROKEN, ids=BROKEN_IDS)
def test_pieces_do_not_repair_broken_response(vector: Broken) -> None:
    """A broken response is refused, wherever its bytes are cut."""
    for pieces, in_place in ways(vector.data):
        with pytest.raises(ProtocolError):
            feed(ResponseReader(), pieces, in_place=in_place)


LIMITS: list[tuple[str, dict[str, int], bytes, bytes, str]] = [
    # name, limits, longest accepted bytes, bytes that are one too long, part of the message
    (
        "a head",
        {"MAX_HEAD": 40},
        head(b"Content-Length: 0", b"a: b"),
        head(b"Content-Length: 0", b"a: bc"),
        "head of more than 40",
    ),
    (
        "a head without an end",  # may hold three of the four bytes that end it
        {"MAX_HEAD": 19},
        b"HTTP/1.1 200 OK\r\nab\r\n\r",
        b"HTTP/1.1 200 OK\r\nabcdef",
        "head of more than 19",
    ),
    (
        "a chunk-size line",
        {"MAX_LINE": 10},
        CHUNKED + b"0;23456789\r\n\r\n",
        CHUNKED + b"0;234567890\r\n\r\n",
        "line of more than 10",
    ),
    (
        "a size line without an end",
        {"MAX_LINE": 10},
        CHUNKED + b"0;23456789\r",
        CHUNKED + b"0;2345678901",
        "line of more than 10",
    ),
    (
        "a trailer line",
        {"MAX_LINE": 10},
        CHUNKED + b"0\r\nab: 456789\r\n\r\n",
        CHUNKED + b"0\r\nab: 4567890\r\n\r\n",
        "line of more than 10",
    ),
    (
        "a declared length",
        {"MAX_BODY": 5},
        head(b"Content-Length: 5") + b"abcde",
        head(b"Content-Length: 6") + b"abcdef",
        "at most 5",
    ),
    ("one chunk", {"MAX_BODY": 5}, CHUNKED + b"5\r\nabcde\r\n", CHUNKED + b"6\r\nabcdef\r\n", "more than 5 bytes"),
    (
        "all chunks",
        {"MAX_BODY": 5},
        CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n",
        CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n",
        "more than 5 bytes",
    ),
    ("a body without a length", {"MAX_BODY": 5}, head() + b"abcde", head() + b"abcdef", "more than 5 bytes"),
]


@pytest.mark.parametrize(
    ("limits", "fits", "too_long", "text"), [limit[1:] for limit in LIMITS], ids=[limit[0] for limit in LIMITS]
)
def test_limits_are_exact(
    limits: dict[str, int], fits: bytes, too_long: bytes, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes up to a limit are read, and one more is refused, wherever they are cut."""
    for name, value in limits.items():
        for module in (_http, _http_head):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    for pieces, in_place in ways(fits):
        feed(ResponseReader(), pieces, in_place=in_place)
    for pieces, in_place in ways(too_long):
        with pytest.raises(ProtocolError, match=text):
            feed(ResponseReader(), pieces, in_place=in_place)


def test_limits_exceed_each_event() -> None:
    """Heads up to Go's limit and bodies far above the largest event are accepted."""
    assert _http.MAX_HEAD >= 1 << 20
    assert _http_head.MAX_BODY > 6_291_556 * 100
    value = b"x" * (_http.MAX_HEAD - 100)
    data = head(b"A: " + value, b"Content-Length: 0")
    pieces = [data[start : start + 65536] for start in range(0, len(data), 65536)]
    (response,) = feed(ResponseReader(), pieces, in_place=False)
    assert response[1]["a"] == value.decode()


def test_many_interim_responses_are_skipped() -> None:
    """Thousands of interim responses in one piece are skipped."""
    (response,) = feed(ResponseReader(), [head(start=b"HTTP/1.1 100 Continue") * 5000 + NEXT], in_place=False)
    assert response[0] == 200
