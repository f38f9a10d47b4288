"""Header fields of an event that are missing, empty, repeated or malformed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import ARN, Event
from tests.process.lite import COUNTING, launchers, run_lite, runs
from tests.support.client_process import OFFICIAL, run_client

ID, ARN_FIELD = "Lambda-Runtime-Aws-Request-Id", "Lambda-Runtime-Invoked-Function-Arn"
DEADLINE, TRACE = "Lambda-Runtime-Deadline-Ms", "Lambda-Runtime-Trace-Id"
NO_ID = b"awslambdaric-lite: an invocation lacks the header Lambda-Runtime-Aws-Request-Id\n"
SHOWING = """
import os
def handler(event, context):
    left = context.get_remaining_time_in_millis()
    return [context.aws_request_id, context.invoked_function_arn, left > 0, os.environ.get("_X_AMZN_TRACE_ID")]
"""
REPEATED = {
    "id": (("request-0", "other"), (ID, "request-0"), (ID, "other")),
    "same id": (("request-0",), (ID, "request-0"), (ID, "request-0")),
    "function": (("a",), (ARN_FIELD, "a"), (ARN_FIELD, "b")),
    "deadline": (("4102444800000",), (DEADLINE, "4102444800000"), (DEADLINE, "1")),
    "trace id": (("Root=1",), (TRACE, "Root=1"), (TRACE.lower(), "Root=2")),
}


@dataclass(frozen=True)
class OddEvent(Event):
    """An event whose header fields of some names are replaced by any number of fields."""

    without: str = ""
    instead: tuple[tuple[str, str], ...] = ()

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields."""
        names = {self.without, *(name for name, _ in self.instead)}
        return [(name, value) for name, value in super().fields() if name not in names] + list(self.instead)


@launchers
@pytest.mark.parametrize(
    "event", [OddEvent(without=ID), OddEvent(instead=((ID, ""),)), OddEvent(instead=((ID, " \t"),))]
)
@pytest.mark.parametrize("before", [0, 2])
def test_event_without_id_does_not_run(tmp_path: Path, event: Event, before: int, command: tuple[str, ...]) -> None:
    """Nothing could answer an event without a request id: it does not run, and one line says why the process exits."""
    result = run_lite(tmp_path, COUNTING, [*[Event(b"1")] * before, event], command=command)
    assert runs(tmp_path) == [f"request-{number}" for number in range(before)]
    assert [request.status for request in result.replies] == [202] * before
    assert (result.exit_code, result.stderr) == (1, NO_ID)


@pytest.mark.parametrize("name", REPEATED)
def test_first_of_repeated_fields_counts(tmp_path: Path, name: str) -> None:
    """The first of two fields with the same name counts, as with the official client."""
    _, *fields = REPEATED[name]
    event = OddEvent(instead=tuple(fields))
    ours = run_lite(tmp_path, SHOWING, [event])
    official = run_client(OFFICIAL, "app.handler", [event], task_root=tmp_path)
    assert [request.path for request in ours.replies] == [request.path for request in official.replies]
    assert json.loads(ours.replies[0].body) == json.loads(official.replies[0].body)


@pytest.mark.parametrize("deadline", [None, "", "-5", "1.5", "soon", "9" * 30, "1e9", "0x10", "\u0663"])
def test_event_without_deadline_runs_once(tmp_path: Path, deadline: str | None) -> None:
    """An event runs although its deadline is missing or malformed; no time is left for it."""
    event = OddEvent(without=DEADLINE) if deadline is None else OddEvent(instead=((DEADLINE, deadline),))
    result = run_lite(tmp_path, SHOWING, [event, Event()])
    assert [json.loads(request.body) for request in result.replies] == [
        ["request-0", ARN, False, None],
        ["request-1", ARN, True, None],
    ]
    assert result.stderr == b""


@pytest.mark.parametrize("name", [ARN_FIELD, TRACE])
@pytest.mark.parametrize("value", [None, "", "\u00e9\u20ac", "a, b", "a" * 20_000])
def test_other_fields_may_be_odd(tmp_path: Path, name: str, value: str | None) -> None:
    """An event runs once although the function's ARN or the trace id is missing, empty or odd."""
    event = OddEvent(without=name) if value is None else OddEvent(instead=((name, value),))
    result = run_lite(tmp_path, SHOWING, [event])
    seen = value if name == ARN_FIELD else value or None
    shown = [seen, None] if name == ARN_FIELD else [ARN, seen]
    [reply] = [json.loads(request.body) for request in result.replies]
    assert [reply[1], reply[3]] == shown and reply[0] == "request-0"
