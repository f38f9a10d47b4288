"""`_faults`: the exceptions of the runtime, and their texts."""

from __future__ import annotations

import pytest

from awslambdaric_lite import _faults
from awslambdaric_lite._faults import ApiError, Fault, LiteError


def test_everything_has_one_root() -> None:
    """Whoever wants to catch what the runtime raises on its own account needs one name."""
    classes = {name: each for name, each in vars(_faults).items() if isinstance(each, type)}
    assert classes.pop("LiteError") is LiteError
    assert classes
    assert all(each.__bases__ == (LiteError,) for each in classes.values())
    assert all(name in (_faults.__doc__ or "") and each.__doc__ for name, each in classes.items())


def test_a_fault_has_the_name_and_text_of_the_api() -> None:
    """What is posted is kept apart from the text for people, which is the message."""
    fault = Fault("Runtime.HandlerNotFound", "Handler 'x' missing", ["one"])
    assert (fault.error_type, fault.message, fault.trace, str(fault)) == (
        "Runtime.HandlerNotFound",
        "Handler 'x' missing",
        ["one"],
        "Handler 'x' missing",
    )
    assert Fault("a", "b").trace == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"errorType":"X"}\n', '{"errorType":"X"}'),
        (b"", "(no body)"),
        (b" \n", "(no body)"),
        (bytearray(b"\xffa"), "\\xffa"),
        (b"x" * 5000, "x" * 500),
    ],
)
def test_an_api_error_shows_request_status_and_body(body: bytes, text: str) -> None:
    """The API's own words, shortened, whatever their bytes."""
    error = ApiError("GET invocation/next", 500, body)
    assert str(error) == f"the Runtime API answered GET invocation/next with 500: {text}"
    assert error.status == 500
