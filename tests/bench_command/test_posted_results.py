"""Comparison of posted results, and their form in messages."""

from __future__ import annotations

import pytest

from awslambdaric_lite.bench.posted_results import PostedResult, posted_error

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
    """Results are compared as JSON values; bytes that are not JSON must be identical."""
    assert PostedResult(one).equals(PostedResult(other)) is same


def test_errors_are_the_same_if_type_and_message_are() -> None:
    """Errors with the same type and message are equal, whatever their stack traces."""
    error = posted_error(ERROR, None)
    assert error.equals(posted_error(ERROR.replace(b"here", b"there"), "Function.ValueError"))
    assert not error.equals(posted_error(ERROR.replace(b'"no"', b'"yes"'), None))
    assert not error.equals(posted_error(ERROR.replace(b"ValueError", b"KeyError"), None))
    assert not error.equals(PostedResult(ERROR)), "a result is not an error, even if it looks like one"


@pytest.mark.parametrize(
    ("body", "header", "error_type", "shown"),
    [
        (ERROR, "Unhandled", "ValueError", "the error ValueError: no"),
        (b"", "Runtime.Some", "Runtime.Some", "the error Runtime.Some"),
        (b"[]", None, "Unhandled", "the error Unhandled"),
        (b'{"errorType": 5, "errorMessage": 6}', "X", "X", "the error X"),
    ],
)
def test_an_error_has_the_type_of_its_body_or_of_the_header(
    body: bytes, header: str | None, error_type: str, shown: str
) -> None:
    """The type of an error comes from its body, or else from the header; it is shown with its message."""
    error = posted_error(body, header)
    assert (error.failed, error.error_type, str(error)) == (True, error_type, shown)


def test_a_result_is_shown_in_one_short_line() -> None:
    """A long or binary result is shown shortened, in one line."""
    assert str(PostedResult(b'{"a":\n 1}')) == '{"a": 1}'
    assert str(PostedResult(b"")) == "an empty result"
    assert str(PostedResult(b"\xff")) == "\\xff"
    assert len(str(PostedResult(b"x" * 1000))) < 200
