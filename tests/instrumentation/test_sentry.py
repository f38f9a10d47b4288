"""sentry-sdk with its AwsLambdaIntegration reports errors, and does not change the caller's results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.conformance.messages import ARN, DueEvent, Event
from tests.instrumentation.collector import Collector
from tests.instrumentation.launchers import every_runtime, hooks_exist_before_site, our_runtimes, require, run
from tests.support.client_process import Run, package_root


@pytest.fixture(autouse=True)
def _sentry() -> None:
    require("sentry_sdk", "sentry-sdk")


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Start a local server for sentry-sdk's reports."""
    with Collector() as running:
        yield running


def run_with_sentry(
    collector: Collector,
    runtime: str,
    events: tuple[Event, ...] = (Event(),),
    handler: str = "with_sentry.handler",
    **env: str,
) -> Run:
    """Run the function of `functions/with_sentry.py`."""
    return run(runtime, handler, events, env={"COLLECTOR": collector.address, **env})


def the_exception(event: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """Return type, text and functions on the stack of a report."""
    (value,) = event["exception"]["values"]
    assert value["mechanism"] == {"type": "aws_lambda", "handled": False}
    return value["type"], value["value"], [frame["function"] for frame in value["stacktrace"]["frames"]]


FAILING = Event(b'{"fail": "it"}', headers=(("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793"),))


@every_runtime
def test_sentry_reports_handler_error(collector: Collector, runtime: str) -> None:
    """The exception of a handler is reported with request id, function and ARN, before its error is posted."""
    result = run_with_sentry(collector, runtime, (Event(b'{"a": 1}'), FAILING, Event(b'{"b": 2}')))
    (event,) = collector.sentry_events()
    kind, text, functions = the_exception(event)
    assert (kind, text) == ("ValueError", "failed on purpose: it")
    assert functions[-1] == "handler"
    function = event["extra"]["lambda"]
    assert (function["aws_request_id"], function["function_name"]) == ("request-1", "function")
    assert (function["invoked_function_arn"], function["function_version"]) == (ARN, "$LATEST")
    assert event["extra"]["cloudwatch logs"]["log_group"] == "/aws/lambda/function"
    assert event["transaction"] == "function"
    assert event["tags"]["aws_region"] == "eu-central-1"
    assert [(reply.verb, reply.request_id, reply.status) for reply in result.replies] == [
        ("response", "request-0", 202),
        ("error", "request-1", 202),
        ("response", "request-2", 202),
    ]
    assert result.ended_by_test
    error = json.loads(result.replies[1].body)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "failed on purpose: it")
    assert error["requestId"] == "request-1"


@our_runtimes
def test_replies_equal_official_with_sentry(collector: Collector, runtime: str) -> None:
    """Results, errors and stack traces through sentry's frames are those of the official client."""
    events = (Event(b'{"a": 1}'), FAILING, Event(b"[1"), Event(b'[{"fail": 1}]'))
    official, ours = (run_with_sentry(collector, name, events) for name in ("awslambdaric", runtime))
    assert len(official.replies) == len(events)
    for expected, actual in zip(official.replies, ours.replies, strict=True):
        assert (actual.path, json.loads(actual.body)) == (expected.path, json.loads(expected.body))
    assert ours.stdout == official.stdout
    frames = json.loads(ours.replies[1].body)["stackTrace"]
    assert any("sentry_sdk" in frame for frame in frames) and "with_sentry.py" in frames[-1]


@every_runtime
def test_sentry_may_start_in_a_handler(collector: Collector, runtime: str) -> None:
    """A tool that the first invocation starts reports the error of the second."""
    events = (Event(b'{"initialize": true}'), FAILING)
    result = run_with_sentry(collector, runtime, events, SENTRY_TEST="in handler")
    assert [reply.verb for reply in result.replies] == ["response", "error"]
    (event,) = collector.sentry_events()
    assert the_exception(event)[:2] == ("ValueError", "failed on purpose: it")
    assert event["extra"]["lambda"]["aws_request_id"] == "request-1"


@every_runtime
def test_sentry_may_start_in_sitecustomize(collector: Collector, runtime: str, tmp_path: Path) -> None:
    """A tool in a `sitecustomize` adds no log lines, and reports errors if the hooks exist by then."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sentry_sdk\n"
        "from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration\n"
        "dsn = f'http://public@{os.environ[\"COLLECTOR\"]}/1'\n"
        "sentry_sdk.init(dsn=dsn, integrations=[AwsLambdaIntegration()])\n"
    )
    (tmp_path / "app.py").write_text("def handler(event, context):\n    raise ValueError('failed on purpose')\n")
    env = {"COLLECTOR": collector.address, "PYTHONPATH": f"{tmp_path}:{package_root()}"}
    result = run(runtime, "app.handler", env=env, task_root=tmp_path)
    assert [reply.verb for reply in result.replies] == ["error"]
    assert result.stdout.count(b"[ERROR]") == 1
    texts = [event["exception"]["values"][0]["value"] for event in collector.sentry_events()]
    assert texts == (["failed on purpose"] if hooks_exist_before_site(runtime) else [])


INIT_FAILURES = {
    "import": ("Runtime.ImportModuleError", "Unable to import module 'with_sentry': No module named "),
    "raise": ("ValueError", "init failed on purpose"),
}


@every_runtime
@pytest.mark.parametrize("failure", INIT_FAILURES)
def test_sentry_reports_init_error(collector: Collector, runtime: str, failure: str) -> None:
    """A failed import is reported from the posted error, because no exception is handled any more."""
    result = run_with_sentry(collector, runtime, SENTRY_TEST=failure)
    (reply,) = result.replies
    error = json.loads(reply.body)
    expected_kind, expected_text = INIT_FAILURES[failure]
    assert (reply.verb, error["errorType"]) == ("init/error", expected_kind)
    assert error["errorMessage"].startswith(expected_text)
    (event,) = collector.sentry_events()
    (value,) = event["exception"]["values"]
    assert (value["type"], value["value"]) == (error["errorType"], error["errorMessage"])
    if failure == "raise":
        assert value["stacktrace"]["frames"][-1]["function"] == "<module>"
    assert result.exit_code == 1


@every_runtime
def test_sentry_reports_missing_handler(collector: Collector, runtime: str) -> None:
    """A missing handler is reported with the posted text."""
    result = run_with_sentry(collector, runtime, handler="with_sentry.handel")
    (event,) = collector.sentry_events()
    (value,) = event["exception"]["values"]
    assert value["type"] == "Runtime.HandlerNotFound"
    assert json.loads(result.replies[0].body)["errorMessage"] == value["value"]


@our_runtimes
def test_sentry_reports_exit_during_import(collector: Collector, runtime: str) -> None:
    """An exit during import is posted and reported, unlike with the official client."""
    result = run_with_sentry(collector, runtime, SENTRY_TEST="exit")
    (event,) = collector.sentry_events()
    assert event["exception"]["values"][0]["type"] == "Runtime.ExitError"
    assert [reply.verb for reply in result.replies] == ["init/error"] and result.exit_code == 1


@every_runtime
def test_sentry_warns_before_timeout(collector: Collector, runtime: str) -> None:
    """The tool warns before the deadline, and a handler that finishes before the deadline still returns its result."""
    events = (DueEvent(seconds=2.5),)  # sentry-sdk warns 1.5 s before the end
    result = run_with_sentry(collector, runtime, events, "with_sentry.slow", TIMEOUT_WARNING="1")
    (event,) = collector.sentry_events()
    (value,) = event["exception"]["values"]
    assert value["type"] == "ServerlessTimeoutWarning" and "timed out" in value["value"]
    assert event["extra"]["lambda"]["aws_request_id"] == "request-0"
    (reply,) = result.replies
    assert json.loads(reply.body)["warned"] is True
