"""Tests of `StreamingResponse`: which statuses and headers it takes, and how the prelude has them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from awslambdaric_lite import StreamingResponse


@pytest.mark.parametrize("status", [201, HTTPStatus.CREATED])
def test_status_is_an_integer(status: int) -> None:
    """A status is an integer or a member of `HTTPStatus`."""
    made = StreamingResponse(b"x", status)
    assert (made.status_code, type(made.status_code)) == (201, int)


@pytest.mark.parametrize("status", [True, 200.0, "200", None, object()])
def test_other_status_is_named(status: Any) -> None:
    """What is not an integer is refused, by name."""
    with pytest.raises(TypeError, match="status_code is an integer, not "):
        StreamingResponse(b"x", status)


@pytest.mark.parametrize("status", [0, 99, 600, -200])
def test_impossible_status_is_named(status: int) -> None:
    """A number that is no HTTP status is refused, by name."""
    with pytest.raises(ValueError, match=f"status_code {status} is not between 100 and 599"):
        StreamingResponse(b"x", status)


@pytest.mark.parametrize("headers", [{"a": 1}, {b"a": "b"}, [("a", b"b")], [(None, "b")]])
def test_header_that_is_no_text_is_named(headers: Any) -> None:
    """Names and values of headers are strings."""
    with pytest.raises(TypeError, match="names and values are strings"):
        StreamingResponse(b"x", headers=headers)


def test_repeated_headers_are_joined() -> None:
    """Headers of one name are joined for the prelude, cookies stay apart, and a content type wins over `media_type`."""
    headers = [("A", "1"), ("a", "2"), ("Set-Cookie", "c=1"), ("Content-Type", "text/html")]
    made = StreamingResponse(b"x", headers=headers, cookies=["d=2"], media_type="text/plain")
    assert made.joined_headers() == {"a": "1, 2", "content-type": "text/html"}
    assert made.cookies == ["d=2", "c=1"]
