"""Whether two answers are the same, and how they are shown."""

from __future__ import annotations

import pytest

from awslambdaric_lite.bench.answers import Answer, error_of

ERROR = b'{"errorType": "ValueError", "errorMessage": "no", "stackTrace": ["here"]}'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b'{"a": 1, "b": [1.0]}', b'{"b":[1.0],"a":1}', True),
        (b'"\\u00e9"', '"é"'.encode(), True),
        (b"1", b"2", False),
        (b"\xff\x00", b"\xff\x00", True),
        (b"\xff\x00", b"\xff\x01", False),
        (b"", b"null", False),
        (b"[" * 100_000, b"[" * 99_999, False),
    ],
)
def test_results_are_the_same_if_their_values_are(one: bytes, other: bytes, same: bool) -> None:
    """However they are written; what is no JSON is compared byte by byte."""
    assert Answer(one).says_the_same_as(Answer(other)) is same


def test_errors_are_the_same_if_type_and_message_are() -> None:
    """Traces name files of the runtime."""
    error = error_of(ERROR, None)
    assert error.says_the_same_as(error_of(ERROR.replace(b"here", b"there"), b"Function.ValueError"))
    assert not error.says_the_same_as(error_of(ERROR.replace(b'"no"', b'"yes"'), None))
    assert not error.says_the_same_as(error_of(ERROR.replace(b"ValueError", b"KeyError"), None))
    assert not error.says_the_same_as(Answer(ERROR)), "a result that looks like an error is none"


@pytest.mark.parametrize(
    ("body", "header", "error_type", "shown"),
    [
        (ERROR, b"Unhandled", "ValueError", "the error ValueError: no"),
        (b"", b"Runtime.Some", "Runtime.Some", "the error Runtime.Some"),
        (b"[]", None, "Unhandled", "the error Unhandled"),
        (b'{"errorType": 5, "errorMessage": 6}', b"X", "X", "the error X"),
    ],
)
def test_an_error_has_the_type_of_its_body_or_of_the_header(
    body: bytes, header: bytes | None, error_type: str, shown: str
) -> None:
    """And it is shown with its message."""
    error = error_of(body, header)
    assert (error.failed, error.error_type, str(error)) == (True, error_type, shown)


def test_a_result_is_shown_in_one_short_line() -> None:
    """However long it is, and whatever bytes it has."""
    assert str(Answer(b'{"a":\n 1}')) == '{"a": 1}'
    assert str(Answer(b"")) == "an empty result"
    assert str(Answer(b"\xff")) == "\\xff"
    assert len(str(Answer(b"x" * 1000))) < 200
