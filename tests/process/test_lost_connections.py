"""Connections that end at every possible moment: no handler runs twice for one attempt, and no result is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.lite import COUNTING, accepted, numbered, run_lite, runs
from tests.support.recorder import Event, React, Reaction, Request

PIPELINES = {"pipelined": "1", "one by one": "0"}
LARGE = COUNTING.replace("return event", "return 'x' * 3_000_000")
FAILING = COUNTING.replace("return event", "raise ValueError('é' * 2000)")
HANDLERS = {"small": COUNTING, "large": LARGE, "error": FAILING}

# Bytes of the answer that still arrive; the answer to a reply has about 100, the one to a poll about 300.
CUTS = {"before": 0, "first byte": 1, "status line": 12, "line end": 23, "head": 60, "body": 100}


def once(verb: str, request_id: str, reaction: Reaction) -> React:
    """Bend the answer to the first request of a verb for that invocation, or to the poll that would hand it out."""
    done: list[bool] = []

    def react(request: Request, number: int) -> Reaction | None:
        wanted = number == int(request_id.rpartition("-")[2]) if verb == "next" else request.request_id == request_id
        if request.verb.replace("error", "response") == verb and wanted and not done:
            done.append(True)
            return reaction
        return None

    return react


def assert_exactly_once(task_root: Path, result_of: str, react: React, env: dict[str, str]) -> None:
    """Check that five events are each handled once, answered once, and that the process lives on."""
    result = run_lite(task_root, HANDLERS[result_of], numbered(5), react=react, env=env)
    ids = [f"request-{number}" for number in range(5)]
    assert result.ended_by_test, result.stderr.decode()
    assert runs(task_root) == ids
    assert accepted(result) == dict.fromkeys(ids, 1)
    assert b"refused" not in result.stdout + result.stderr


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("result_of", HANDLERS)
def test_answer_to_reply_lost(tmp_path: Path, result_of: str, cut: int, pipeline: str) -> None:
    """The API took the reply, but its answer does not arrive: the reply is not lost and nothing runs again."""
    react = once("response", "request-2", Reaction(cut=cut))
    assert_exactly_once(tmp_path, result_of, react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize("cut", [0, 1, 30])
@pytest.mark.parametrize("result_of", HANDLERS)
def test_reply_lost(tmp_path: Path, result_of: str, cut: int, pipeline: str) -> None:
    """The API did not take the reply and hands the event out again: the kept reply is posted, the handler not run."""
    react = once("response", "request-2", Reaction(ignored=True, cut=cut))
    assert_exactly_once(tmp_path, result_of, react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize("cut", [*CUTS.values(), 250])
def test_event_lost(tmp_path: Path, cut: int, pipeline: str) -> None:
    """The API hands out an event, but it does not arrive whole: it is asked for again."""
    react = once("next", "request-2", Reaction(cut=cut))
    assert_exactly_once(tmp_path, "small", react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize("number", [0, 2])
def test_poll_lost(tmp_path: Path, number: int, pipeline: str) -> None:
    """The connection ends while a poll is pending: it is sent again over a new one."""
    react = once("next", f"request-{number}", Reaction(ignored=True, cut=0))
    assert_exactly_once(tmp_path, "small", react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "silent"])
@pytest.mark.parametrize("verb", ["next", "response"])
@pytest.mark.parametrize("request_id", ["request-0", "request-2"])
def test_connection_closed_after_answer(
    tmp_path: Path, request_id: str, verb: str, announced: bool, pipeline: str
) -> None:
    """The API closes the connection behind a whole answer, with or without saying so."""
    react = once(verb, request_id, Reaction(close=True, announced=announced))
    assert_exactly_once(tmp_path, "small", react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pytest.mark.parametrize("result_of", HANDLERS)
@pytest.mark.parametrize("verb", ["next", "response"])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "silent"])
def test_every_connection_closed(tmp_path: Path, announced: bool, verb: str, result_of: str) -> None:
    """An API without keep-alive is served all the same."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(close=True, announced=announced) if request.verb.replace("error", "response") == verb else None

    assert_exactly_once(tmp_path, result_of, react, {})


WAITING_FOR_DEATH = (
    COUNTING.replace(
        "return event",
        "import os, time\n    while event == 2 and not gone():\n        time.sleep(0.001)\n    return event",
    )
    + """
def gone():
    '''Whether the kernel has noted that the other end closed the connection (state 08, CLOSE_WAIT).'''
    inodes = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            inodes.add(os.readlink("/proc/self/fd/" + name))
        except OSError:
            pass
    with open("/proc/self/net/tcp") as table:
        rows = [line.split() for line in table]
    return any(row[3] == "08" and f"socket:[{row[9]}]" in inodes for row in rows)
"""
)


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_connection_dies_while_handler_runs(tmp_path: Path, pipeline: str) -> None:
    """A reused connection that died in the meantime (freeze and thaw) loses nothing."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(close=True) if request.verb == "next" and number == 2 else None

    source = "import os\n" + WAITING_FOR_DEATH
    result = run_lite(tmp_path, source, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test, result.stderr.decode()
    assert runs(tmp_path) == [f"request-{number}" for number in range(5)]
    assert accepted(result) == {f"request-{number}": 1 for number in range(5)}


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_same_event_three_times(tmp_path: Path, pipeline: str) -> None:
    """An API that hands one event out for ever, whatever is posted, ends the process after two posts."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(ignored=True, cut=0) if request.request_id == "request-2" else None

    result = run_lite(tmp_path, COUNTING, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.exit_code == 1
    assert runs(tmp_path) == ["request-0", "request-1", "request-2"]
    assert [request.request_id for request in result.replies].count("request-2") == 2
    assert result.stderr.count(b"\n") == 1 and b"request-2" in result.stderr


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_wrong_id_server(tmp_path: Path, pipeline: str) -> None:
    """An API that answers 400 and hands the same event out again is given up, not asked thousands of times."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=400, ignored=True) if request.request_id == "request-2" else None

    result = run_lite(tmp_path, COUNTING, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.exit_code == 1
    assert runs(tmp_path) == ["request-0", "request-1", "request-2"]
    assert [request.request_id for request in result.replies].count("request-2") == 2
    assert b"request-2" in result.stderr


def test_retry_of_acknowledged_invocation_runs(tmp_path: Path) -> None:
    """The same request id after an accepted reply is a retry by the service, and runs."""
    events = [Event(b"1", "same"), Event(b"2", "same"), Event(b"3", "same")]
    result = run_lite(tmp_path, COUNTING, events)
    assert result.ended_by_test
    assert runs(tmp_path) == ["same"] * 3
    assert [request.body for request in result.replies] == [b"1", b"2", b"3"]


def test_new_attempt_of_unacknowledged_invocation_runs(tmp_path: Path) -> None:
    """The same request id with another Invocation-Id is another attempt, and runs even if the reply was lost."""
    events = [Event(b"%d" % n, "same", (("Lambda-Runtime-Invocation-Id", f"attempt-{n}"),)) for n in range(3)]

    def first(request: Request, number: int) -> Reaction | None:
        return Reaction(cut=0) if request.verb == "response" and number == 0 else None

    result = run_lite(tmp_path, COUNTING, events, react=first)
    assert result.ended_by_test
    assert runs(tmp_path) == ["same"] * 3
    assert [request.header("Lambda-Runtime-Invocation-Id") for request in result.replies] == [
        "attempt-0",
        "attempt-1",
        "attempt-2",
    ]


def test_last_reply_before_exit_is_confirmed(tmp_path: Path) -> None:
    """A handler that exits: its error is posted again if the connection died, for no poll follows that could tell."""
    source = COUNTING.replace("return event", "import sys; sys.exit(3)")
    react = once("response", "request-0", Reaction(ignored=True, cut=0))
    result = run_lite(tmp_path, source, numbered(2), react=react)
    assert result.exit_code == 3
    assert runs(tmp_path) == ["request-0"]
    assert accepted(result) == {"request-0": 1}
