"""datadog-lambda runs its handler before the function's, and adds correlation ids to the log lines.

It imports the function that `DD_LAMBDA_HANDLER` names, searches the root logger for a handler whose class has the name
`LambdaLoggerHandler`, replaces its formatter, and patches the function.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.instrumentation.launchers import every_runtime, our_runtimes, require, run
from tests.support.client_process import GUARD, Run

EVENTS = (Event(b'{"a": 1}'), Event(b'{"fail": true}'), Event(b'{"b": 2}'))
LINE = re.compile(
    r"\[WARNING\]\t[0-9-]{10}T[0-9:]{8}\.\d+Z\t(\S+)\t\[dd\.trace_id=(\w+) dd\.span_id=(\d+)\]\tin the handler"
)


@pytest.fixture(autouse=True)
def _datadog() -> None:
    require("datadog_lambda", "datadog-lambda")
    if refusal := _refusal():
        pytest.skip(f"datadog-lambda does not support this Python: {refusal}")


@cache
def _refusal() -> str:
    """Return the error with which the tool refuses this version of Python; without one, an empty text."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import datadog_lambda.wrapper"], capture_output=True, text=True, timeout=GUARD
    )
    error = loaded.stderr.rstrip().rpartition("\n")[2]
    return error if loaded.returncode and error.startswith("NotImplementedError: ") else ""


def run_with_datadog(runtime: str, **env: str | None) -> Run:
    """Run the function behind datadog's handler, which writes its reports to the log."""
    variables = {"DD_LAMBDA_HANDLER": "with_datadog.handler", "DD_FLUSH_TO_LOG": "true", "DD_API_KEY": "0" * 32}
    return run(runtime, "datadog_lambda.handler.handler", EVENTS, env={**variables, **env})


def objects(result: Run, key: str) -> list[dict[str, Any]]:
    """Return the JSON objects in the log that have a key: `m` for metrics, `traces` for traces."""
    lines = result.stdout.decode().splitlines()
    return [value for line in lines if line.startswith("{") and key in (value := json.loads(line))]


@every_runtime
def test_datadog_reports_results_and_errors(runtime: str) -> None:
    """The caller gets the function's results and errors, and datadog counts and traces the invocations."""
    result = run_with_datadog(runtime)
    assert result.ended_by_test
    assert [(reply.verb, reply.request_id, reply.status) for reply in result.replies] == [
        ("response", "request-0", 202),
        ("error", "request-1", 202),
        ("response", "request-2", 202),
    ]
    answer = json.loads(result.replies[0].body)
    assert answer == {"answer": {"a": 1}, "tool": True, "root": ["LambdaLoggerHandler"], "id": "request-0"}
    assert json.loads(result.replies[1].body)["errorMessage"] == "failed on purpose"
    metrics = [metric["m"] for metric in objects(result, "m")]
    assert metrics.count("aws.lambda.enhanced.invocations") == 3
    assert metrics.count("aws.lambda.enhanced.errors") == 1
    spans = [span for line in objects(result, "traces") for trace in line["traces"] for span in trace]
    traced = {span["meta"]["request_id"]: span["error"] for span in spans if span["name"] == "aws.lambda"}
    assert traced == {"request-0": 0, "request-1": 1, "request-2": 0}


@every_runtime
def test_datadog_finds_the_root_handler(runtime: str) -> None:
    """datadog finds the root handler by its class name, and each log line has its correlation ids."""
    found = LINE.findall(run_with_datadog(runtime).stdout.decode())
    assert [request_id for request_id, _, _ in found] == ["request-0", "request-1", "request-2"]
    assert all(int(span, 10) for _, _, span in found) and len({trace for _, trace, _ in found}) == 3


@our_runtimes
def test_replies_equal_official_with_datadog(runtime: str) -> None:
    """Replies and stack traces through datadog's frames are those of the official client."""
    official, ours = (run_with_datadog(name) for name in ("awslambdaric", runtime))
    assert len(official.replies) == len(EVENTS)
    for expected, actual in zip(official.replies, ours.replies, strict=True):
        assert (actual.path, json.loads(actual.body)) == (expected.path, json.loads(expected.body))


@every_runtime
@pytest.mark.parametrize("setting", [{"AWS_LAMBDA_LOG_FORMAT": "JSON"}, {"AWS_LAMBDA_LOG_LEVEL": "INFO"}])
def test_datadog_keeps_other_root_handler(runtime: str, setting: dict[str, str]) -> None:
    """datadog ignores the root handler for JSON or a log level, which has the other official class name."""
    result = run_with_datadog(runtime, **setting)
    assert json.loads(result.replies[0].body)["root"] == ["LambdaLoggerHandlerWithFrameType"]
    assert not LINE.search(result.stdout.decode())


@every_runtime
def test_missing_function_is_init_error(runtime: str) -> None:
    """A function that datadog cannot import gives an ordinary init error."""
    result = run_with_datadog(runtime, DD_LAMBDA_HANDLER="nowhere.handler")
    (reply,) = result.replies
    error = json.loads(reply.body)
    assert (reply.verb, error["errorType"]) == ("init/error", "Runtime.ImportModuleError")
    assert error["errorMessage"] == "Unable to import module 'datadog_lambda.handler': No module named 'nowhere'"
    assert result.exit_code == 1
