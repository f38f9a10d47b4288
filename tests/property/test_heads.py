"""Property tests of `_http_head.parse_head`: its cache of lines does not change the result of any head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import example, given
from hypothesis import strategies as st

from awslambdaric_lite import _http_head
from awslambdaric_lite._function_errors import ProtocolError
from awslambdaric_lite._http_head import parse_head

# A few values of each field, so that lines often recur, with unusual and malformed lines.
LINES = st.sampled_from(
    [
        *("Content-Type: application/json", "Content-Type: text/plain", "Content-Type:text/plain", "content-type: a"),
        *("Content-Length: 9", "Content-Length: 10", "Content-Length: x", "Content-Length: 9\x1e"),
        *("Transfer-Encoding: chunked", "Transfer-Encoding:chunked"),
        *(
            "Date: Sat, 21 Nov 2026 18:00:00 GMT",
            "Date: Sat, 21 Nov 2026 18:00:01 GMT",
            "Date:  a \t",
            "Date",
            "Date: ",
        ),
        *("Lambda-Runtime-Aws-Request-Id: 1", "Lambda-Runtime-Aws-Request-Id: 2", "Lambda-Runtime-Aws-Request-Id: 3"),
        *("Lambda-Runtime-Trace-Id: Root=1", "Lambda-Runtime-Trace-Id: a\rb", "Lambda-Runtime-Trace-Id: a\nDate: b"),
        *(
            "Lambda-Runtime-Client-Context: {}",
            'Lambda-Runtime-Client-Context: {"a": "\u00e9: \u2028"}',
            "X: 1",
            "X: \0",
        ),
        *("Connection: close", "Connection: keep-alive", "", ": a", "no field"),
    ]
)
STARTS = st.sampled_from(["HTTP/1.1 200 OK"] * 6 + ["HTTP/1.1 202 Accepted", "HTTP/1.0 200 OK", "HTTP/1.1 500 X", "x"])
HEADS = st.builds(lambda start, lines: "\r\n".join([start, *lines]).encode(), STARTS, st.lists(LINES, max_size=6))
EVENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: %d\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn\r\nContent-Length: %d"
)


@contextmanager
def nothing_remembered() -> Iterator[None]:
    """Run with an empty cache; empty the cache afterwards."""
    _http_head.reset_caches()
    yield
    _http_head.reset_caches()


def outcome(head: bytes) -> object:
    """Return the parsed head, or the text of the error."""
    try:
        return parse_head(head)
    except ProtocolError as error:
        return str(error)


def _events(*more: bytes) -> list[bytes]:
    """Return two heads with equal type and length, and one with additional lines."""
    ordinary = [EVENT % (number, 9) for number in (1, 2)]
    return [*ordinary, b"\r\n".join([ordinary[0], *more])]


@example([], _events(b"Content-Type: text/plain"))
@example([], _events(b"Content-Type: application/json"))
@example([], _events(b"Date: a\rb"))
@example([], _events(b"Date: a\nb"))
@example([], _events(b"Date: \0"))
@example([], _events(b"Date"))
@example([], _events(b"Connection: close"))
@example([], _events(b"Transfer-Encoding: chunked"))
@example([], _events(b"Content-Length: 9\x1e"))
@example([], [EVENT % (1, 9), b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 9\x1e"])
@example(
    [],
    [
        EVENT.replace(b"%d", b"x") + b"\r\nTransfer-Encoding: chunked",
        EVENT.replace(b"%d", b"x") + b"\r\nTransfer-Encoding:chunked",
    ],
)
@example([], [(EVENT % (number, 9)).rpartition(b"\r\n")[0] for number in (1, 2, 3)])
@given(st.lists(HEADS, max_size=3), st.lists(HEADS, min_size=1, max_size=6))
def test_earlier_heads_do_not_change_results(rare: list[bytes], heads: list[bytes]) -> None:
    """The result for a head does not depend on the heads before it, in any order and with repetitions."""
    sequence = [*heads, *heads, *rare, *heads]
    alone = []
    for head in sequence:
        with nothing_remembered():
            alone.append(outcome(head))
    with nothing_remembered():
        assert [outcome(head) for head in sequence] == alone


def test_lines_are_not_parsed_again_if_others_change() -> None:
    """From the third event on, repeated lines are not parsed again, although the id and the length always change."""
    with nothing_remembered():
        results = [parse_head(EVENT % (number, number)) for number in range(5)]
    assert [length for _, _, _, length in results] == [0, 1, 2, 3, 4]
    assert len({id(headers["content-type"]) for _, headers, _, _ in results[2:]}) == 1


def test_repeated_lines_are_not_parsed_again() -> None:
    """From the third event on, the values of repeated lines are the same objects, because they are not parsed again."""
    with nothing_remembered():
        for number in (1, 2):
            parse_head(EVENT % (number, 10))
        results = [parse_head(EVENT % (number, 10)) for number in (3, 1, 4)]
    first = results[0][1]
    repeated = first.keys() - {"lambda-runtime-aws-request-id"}
    for (status, headers, keep_alive, length), number in zip(results, (3, 1, 4), strict=True):
        assert (status, keep_alive, length) == (200, True, 10)
        assert headers == {**first, "lambda-runtime-aws-request-id": str(number)}
        assert {name for name in headers if headers[name] is first[name]} - {
            "lambda-runtime-aws-request-id"
        } == repeated


def test_each_result_is_a_new_dictionary() -> None:
    """A change to the headers of one result does not appear in the next."""
    with nothing_remembered():
        for number in range(4):
            headers = parse_head(EVENT % (number, 9))[1]
            assert len(headers) == 4
            headers["more"] = ""
