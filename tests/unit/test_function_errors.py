"""Tests of `_function_errors` and `_runtime_errors`: the exceptions of the runtime, and their texts."""

from __future__ import annotations

import pytest

from awslambdaric_lite import _function_errors, _runtime_errors
from awslambdaric_lite._function_errors import Fault
from awslambdaric_lite._runtime_errors import ApiError, RuntimeFailure


def test_runtime_failures_have_one_base() -> None:
    """RuntimeFailure is the base of each exception that is not the function's fault."""
    classes = {name: each for name, each in vars(_runtime_errors).items() if isinstance(each, type)}
    assert classes.pop("RuntimeFailure") is RuntimeFailure
    assert classes
    assert all(each.__bases__ == (RuntimeFailure,) for each in classes.values())
    assert all(name in (_runtime_errors.__doc__ or "") and each.__doc__ for name, each in classes.items())
    assert not issubclass(Fault, RuntimeFailure)


def test_runtime_failures_are_imported_lazily() -> None:
    """`_function_errors` provides each class of `_runtime_errors` as an attribute."""
    for name, each in vars(_runtime_errors).items():
        if isinstance(each, type):
            assert getattr(_function_errors, name) is each
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = _function_errors.Nonsense
    with pytest.raises(AttributeError, match="has no attribute '__path__'"):
        _ = _function_errors.__path__


def test_fault_keeps_api_error_and_message() -> None:
    """A Fault has the error type and trace for the API; its text is the message."""
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
def test_api_error_shows_request_status_body(body: bytes, text: str) -> None:
    """An ApiError shows the request, the status, and at most 500 characters of the body, whatever its bytes."""
    error = ApiError("GET invocation/next", 500, body)
    assert str(error) == f"the Runtime API answered GET invocation/next with 500: {text}"
    assert error.status == 500
