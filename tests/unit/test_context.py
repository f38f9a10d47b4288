"""Tests of `_context`: the context object, compared attribute by attribute with the official client's."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from awslambdaric_lite import _context, _sinks
from awslambdaric_lite._context import LambdaContext

from .recording_sink import RecordingSink

VARIABLES = {
    "AWS_LAMBDA_LOG_GROUP_NAME": "log_group_name",
    "AWS_LAMBDA_LOG_STREAM_NAME": "log_stream_name",
    "AWS_LAMBDA_FUNCTION_NAME": "function_name",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "memory_limit_in_mb",
    "AWS_LAMBDA_FUNCTION_VERSION": "function_version",
}
CLIENT = {"installation_id": "i", "app_title": "t", "app_version_name": "n", "app_version_code": 1, "other": "dropped"}
W3C = {"traceparent": "00-1-2-01", "tracestate": 3, "baggage": "é", "other": "x"}
ARGUMENTS: list[tuple[Any, ...]] = [
    ("id-1", None, None, 0),
    ("id-1", None, None, 4102444800000, "arn:aws:lambda:1", "tenant"),
    (None, {}, {}, 0),
    ("id-1", {"custom": {"a": 1}, "env": {}, "client": CLIENT}, {"cognitoIdentityId": "c", "other": 1}, 0),
    ("id-1", {"client": None, "env": [1]}, {"cognitoIdentityId": "c", "cognitoIdentityPoolId": "p"}, 0),
    ("id-1", {"client": {}, "w3c": W3C}, None, 0),
    ("id-1", {"w3c": None}, None, 0),
    ("id-1", {"w3c": ["traceparent"]}, None, 0),
    ("id-1", {"w3c": {}}, None, 0),
    ("id-1", [1], None, 0),
    ("id-1", "text", None, 0),
    ("id-1", {"client": "text"}, None, 0),
    ("id-1", None, [1], 0),
]


def described(make: Callable[..., Any], arguments: tuple[Any, ...]) -> object:
    """Return everything that user code can see of a context, or the error that making it raised."""
    try:
        context = make(*copy.deepcopy(arguments))
    except Exception as error:
        return type(error), str(error)
    client = getattr(context.client_context, "client", None)
    return (
        repr(context),
        context.w3c(),
        sorted(name for name in dir(context) if not name.startswith("_")),
        sorted(name for name in vars(context) if not name.startswith("_")),
        None if context.client_context is None else (context.client_context.custom, context.client_context.env),
        None if client is None else {name: getattr(client, name) for name in sorted(type(client).__slots__)},
        (context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id),
        context.memory_limit_in_mb,
    )


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=repr)
@pytest.mark.parametrize("function", [{}, dict.fromkeys(VARIABLES, "value")], ids=["no variables", "variables"])
def test_context_equals_official_context(
    arguments: tuple[Any, ...], function: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attributes, values, text and errors are the official client's with any headers."""
    from awslambdaric.lambda_context import LambdaContext as Official

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in function.items():
        monkeypatch.setenv(name, value)
    assert described(LambdaContext, arguments) == described(Official, arguments)


def test_context_needs_no_arguments() -> None:
    """Every argument of LambdaContext has a default, so that a test of a handler can make one."""
    context = LambdaContext()
    assert context.aws_request_id is None
    assert context.client_context is None
    assert context.identity.cognito_identity_id is None
    assert context.get_remaining_time_in_millis() == 0
    assert context.w3c() == {}


def test_context_reads_variables_when_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that changes between two invocations is seen by the second context only."""
    for name, attribute in VARIABLES.items():
        monkeypatch.setenv(name, "before")
        first = LambdaContext()
        monkeypatch.setenv(name, "é")
        second = LambdaContext()
        monkeypatch.delenv(name)
        third = LambdaContext()
        assert [getattr(each, attribute) for each in (first, second, third)] == ["before", "é", None]


class Clock:
    """A replacement for `time` that stands still."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("now", "left"),
    [(1000.0, 3000), (1000.0009, 3000), (1000.0011, 2999), (1002.999, 1), (1003.0, 0), (1003.5, 0), (9e9, 0)],
)
def test_remaining_time_is_exact(now: float, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remaining time is the number of whole milliseconds to the deadline, and never negative."""
    monkeypatch.setattr(_context, "time", Clock(now))
    assert LambdaContext(epoch_deadline_time_in_ms=1_003_000).get_remaining_time_in_millis() == left


def test_trace_context_is_a_copy() -> None:
    """A change to the result of `w3c()` does not change the context."""
    context = LambdaContext("id-1", {"w3c": {"traceparent": "a"}})
    context.w3c()["traceparent"] = "b"
    assert context.w3c() == {"traceparent": "a"}


class HandlerWithSink(logging.Handler):
    """A root handler with a sink, like the one that the runtime installs."""

    def __init__(self, sink: RecordingSink) -> None:
        super().__init__()
        self.log_sink = sink


def test_log_uses_sink_of_root_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """`log` passes the text unchanged to the sink of the root handler that the runtime installed."""
    sink = RecordingSink()
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler(), HandlerWithSink(sink)])
    LambdaContext().log("no newline")
    LambdaContext().log({"a": 1})
    assert sink.texts == [("no newline", None), ("{'a': 1}", None)]


@pytest.mark.usefixtures("no_sink")
def test_log_reaches_sink_without_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """`log` reaches the runtime's sink if the handler never imports `logging`."""
    sink = RecordingSink()
    monkeypatch.delitem(sys.modules, "logging")
    _sinks.replace_current(sink)
    LambdaContext().log(5)
    assert sink.texts == [("5", None)]


@pytest.mark.usefixtures("no_sink")
def test_log_without_runtime_prints(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a runtime, `log` writes to standard output."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    LambdaContext().log("text")
    monkeypatch.delitem(sys.modules, "logging")
    LambdaContext().log("text")
    assert capsys.readouterr().out == "texttext"


def test_text_of_unchanged_environment_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contexts share the text of the environment's values, which are decoded again only after one has changed."""
    for name in VARIABLES:
        monkeypatch.setenv(name, f"before {name}")
    first, second = LambdaContext(), LambdaContext()
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "after")
    third = LambdaContext()
    assert {name for name in VARIABLES.values() if getattr(first, name) is not getattr(second, name)} == set()
    assert third.function_name == "after"
    assert third.log_group_name == first.log_group_name
