"""`_http_head.parse_head` remembers lines that recur: what it says of a head must not depend on the heads before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awslambdaric_lite import _http_head
from awslambdaric_lite._function_errors import ProtocolError
from awslambdaric_lite._http_head import parse_head

# A few values of each field, so that lines recur in most ways, and lines that are no fields, or unusual ones.
LINES = st.sampled_from(
    [
        *("Content-Type: application/json", "Content-Type: text/plain", "Content-Type:text/plain", "content-type: a"),
        *("Content-Length: 9", "Content-Length: 10", "Content-Length: x", "Transfer-Encoding: chunked"),
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
    """Begin without any head before."""
    _http_head.reset_caches()
    yield
    _http_head.reset_caches()


def outcome(head: bytes) -> object:
    """Return what is parsed, or the text of the refusal."""
    try:
        return parse_head(head)
    except ProtocolError as error:
        return str(error)


def _events(*more: bytes) -> list[bytes]:
    """Return two heads that have their type and length in common, and one with these lines besides."""
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
@example([], [(EVENT % (number, 9)).rpartition(b"\r\n")[0] for number in (1, 2, 3)])
@given(st.lists(HEADS, max_size=3), st.lists(HEADS, min_size=1, max_size=6))
def test_what_came_before_makes_no_difference(rare: list[bytes], heads: list[bytes]) -> None:
    """Any heads in any order, some of them several times."""
    sequence = [*heads, *heads, *rare, *heads]
    alone = []
    for head in sequence:
        with nothing_remembered():
            alone.append(outcome(head))
    with nothing_remembered():
        assert [outcome(head) for head in sequence] == alone


def test_lines_that_recur_are_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the third event on; else there would be nothing to test above."""
    looked_at: list[list[str]] = []
    add = _http_head._parse_known_fields

    def recorded(headers: dict[str, str], lines: list[str]) -> dict[str, str]:
        looked_at.append(sorted(lines))
        return add(headers, lines)

    with nothing_remembered():
        for number in (1, 2):
            parse_head(EVENT % (number, 9))
        monkeypatch.setattr(_http_head, "_parse_known_fields", recorded)
        assert parse_head(EVENT % (3, 9)) == (
            *(200, {**parse_head(EVENT % (1, 9))[1], "lambda-runtime-aws-request-id": "3"}, True, 9),
        )
        assert parse_head(EVENT % (4, 9))[3] == 9
    assert looked_at == [[f"Lambda-Runtime-Aws-Request-Id: {number}"] for number in (3, 1, 4)]


def test_a_result_is_the_callers_own() -> None:
    """Changing the fields of one head does not show in the next."""
    with nothing_remembered():
        for number in range(4):
            headers = parse_head(EVENT % (number, 9))[1]
            assert len(headers) == 4
            headers["more"] = ""
