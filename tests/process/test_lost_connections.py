"""A connection may end at any moment: no handler runs twice for one attempt, and no result is lost."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import React, Reaction
from tests.process.lite import COUNTING, accepted, numbered, one_line, pipelines, run_lite, runs
from tests.support.client_process import LITE, ClientProcess, environment

LARGE = COUNTING.replace("return event", "return 'x' * 3_000_000")
FAILING = COUNTING.replace("return event", "raise ValueError('é' * 2000)")
HANDLERS = {"small": COUNTING, "large": LARGE, "error": FAILING}

# Bytes of the response that still arrive; a reply's response has about 100, a poll's about 300.
CUTS = {"before": 0, "first byte": 1, "status line": 12, "line end": 23, "head": 60, "body": 100}


def once(verb: str, request_id: str, reaction: Reaction) -> React:
    """Change the response to the first request of a verb for that invocation, or to the poll that would return it."""
    done: list[bool] = []

    def react(request: Request, number: int) -> Reaction | None:
        wanted = number == int(request_id.rpartition("-")[2]) if verb == "next" else request.request_id == request_id
        if request.verb.replace("error", "response") == verb and wanted and not done:
            done.append(True)
            return reaction
        return None

    return react


def assert_exactly_once(task_root: Path, result_of: str, react: React, env: dict[str, str]) -> None:
    """Assert that five events are each handled and answered once, and that the process continues."""
    result = run_lite(task_root, HANDLERS[result_of], numbered(5), react=react, env=env)
    ids = [f"request-{number}" for number in range(5)]
    assert result.ended_by_test, result.stderr.decode()
    assert runs(task_root) == ids
    assert accepted(result) == dict.fromkeys(ids, 1)
    assert b"refused" not in result.stdout + result.stderr


@pipelines
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("result_of", HANDLERS)
def test_lost_status_repeats_nothing(tmp_path: Path, result_of: str, cut: int, pipeline: str) -> None:
    """A reply whose status does not arrive is not lost, and its event does not run again."""
    react = once("response", "request-2", Reaction(cut=cut))
    assert_exactly_once(tmp_path, result_of, react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pipelines
@pytest.mark.parametrize("cut", [0, 1, 30])
@pytest.mark.parametrize("result_of", HANDLERS)
def test_lost_reply_is_posted_again(tmp_path: Path, result_of: str, cut: int, pipeline: str) -> None:
    """A reply that the API did not receive is posted again for the repeated event, which does not run again."""
    react = once("response", "request-2", Reaction(ignored=True, cut=cut))
    assert_exactly_once(tmp_path, result_of, react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pipelines
@pytest.mark.parametrize("cut", [*CUTS.values(), 250])
def test_lost_event_is_polled_again(tmp_path: Path, cut: int, pipeline: str) -> None:
    """An event that does not arrive whole is polled again."""
    react = once("next", "request-2", Reaction(cut=cut))
    assert_exactly_once(tmp_path, "small", react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pipelines
@pytest.mark.parametrize("number", [0, 2])
def test_lost_poll_is_sent_again(tmp_path: Path, number: int, pipeline: str) -> None:
    """A poll is sent again on a new connection if its connection ends."""
    react = once("next", f"request-{number}", Reaction(ignored=True, cut=0))
    assert_exactly_once(tmp_path, "small", react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pipelines
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "silent"])
@pytest.mark.parametrize("verb", ["next", "response"])
@pytest.mark.parametrize("request_id", ["request-0", "request-2"])
def test_closed_connection_is_replaced(
    tmp_path: Path, request_id: str, verb: str, announced: bool, pipeline: str
) -> None:
    """A connection that the API closes after a response is replaced, whether the response announced it or not."""
    react = once(verb, request_id, Reaction(close=True, announced=announced))
    assert_exactly_once(tmp_path, "small", react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


@pytest.mark.parametrize("result_of", HANDLERS)
@pytest.mark.parametrize("verb", ["next", "response"])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "silent"])
def test_api_without_keep_alive_works(tmp_path: Path, announced: bool, verb: str, result_of: str) -> None:
    """Each event is handled once if the API closes each connection."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(close=True, announced=announced) if request.verb.replace("error", "response") == verb else None

    assert_exactly_once(tmp_path, result_of, react, {})


WAITING_FOR_CLOSE = (
    COUNTING.replace(
        "return event",
        "import os, time\n    while event == 2 and not gone():\n        time.sleep(0.001)\n    return event",
    )
    + """
def gone():
    '''Return whether the other end has closed the connection (state 08, CLOSE_WAIT).'''
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


@pipelines
def test_connection_closed_during_handler_is_replaced(tmp_path: Path, pipeline: str) -> None:
    """A connection that ends while the handler runs, e.g. while frozen, is replaced without loss."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(close=True) if request.verb == "next" and number == 2 else None

    source = "import os\n" + WAITING_FOR_CLOSE
    result = run_lite(tmp_path, source, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test, result.stderr.decode()
    assert runs(tmp_path) == [f"request-{number}" for number in range(5)]
    assert accepted(result) == {f"request-{number}": 1 for number in range(5)}


@pipelines
def test_event_delivered_three_times_is_fatal(tmp_path: Path, pipeline: str) -> None:
    """The process exits after two posts if the API keeps repeating one event."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(ignored=True, cut=0) if request.request_id == "request-2" else None

    result = run_lite(tmp_path, COUNTING, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.exit_code == 1
    assert runs(tmp_path) == ["request-0", "request-1", "request-2"]
    assert [request.request_id for request in result.replies].count("request-2") == 2
    assert result.stderr.count(b"\n") == 1 and b"request-2" in result.stderr


@pipelines
def test_repeated_400_is_fatal(tmp_path: Path, pipeline: str) -> None:
    """The process exits after two posts if the API answers 400 and keeps repeating the event."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=400, ignored=True) if request.request_id == "request-2" else None

    result = run_lite(tmp_path, COUNTING, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.exit_code == 1
    assert runs(tmp_path) == ["request-0", "request-1", "request-2"]
    assert [request.request_id for request in result.replies].count("request-2") == 2
    assert b"request-2" in result.stderr


def test_acknowledged_invocation_runs_again(tmp_path: Path) -> None:
    """The same request id after an accepted reply is a retry by the service, and runs."""
    events = [Event(b"1", "same"), Event(b"2", "same"), Event(b"3", "same")]
    result = run_lite(tmp_path, COUNTING, events)
    assert result.ended_by_test
    assert runs(tmp_path) == ["same"] * 3
    assert [request.body for request in result.replies] == [b"1", b"2", b"3"]


def test_new_attempt_runs_again(tmp_path: Path) -> None:
    """The same request id with another Invocation-Id runs, even if the first reply was lost."""
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


def test_last_reply_before_exit_is_repeated(tmp_path: Path) -> None:
    """The error of an exiting handler is posted again if its connection ends."""
    source = COUNTING.replace("return event", "import sys; sys.exit(3)")
    react = once("response", "request-0", Reaction(ignored=True, cut=0))
    result = run_lite(tmp_path, source, numbered(2), react=react)
    assert result.exit_code == 3
    assert runs(tmp_path) == ["request-0"]
    assert accepted(result) == {"request-0": 1}


UNASKED = {
    "accepted": b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
    "refused": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "failed": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "part of a head": b"HTTP/1.1 202 Acc",
    "part of a body": b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nab",
    "no response": b"\r\n",
}


@pipelines
@pytest.mark.parametrize("received", [True, False], ids=["received", "lost"])
@pytest.mark.parametrize("unasked", UNASKED.values(), ids=UNASKED)
@pytest.mark.parametrize("result_of", HANDLERS)
def test_unasked_bytes_confirm_nothing(
    tmp_path: Path, result_of: str, unasked: bytes, pipeline: str, *, received: bool
) -> None:
    """Bytes that follow an event are not taken for the status of its reply, which is posted again if it is lost."""

    def react(request: Request, number: int) -> Reaction | None:
        if request.verb == "next" and number == 2:
            return Reaction(edit=lambda data: [data + unasked])
        lost = request.request_id == "request-2" and not done
        if lost and not received:
            done.append(True)
            return Reaction(ignored=True, cut=0)
        return None

    done: list[bool] = []
    assert_exactly_once(tmp_path, result_of, react, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline})


def test_api_that_is_gone_ends_process(tmp_path: Path) -> None:
    """The process exits with a line if the API, with which it has no connection, is gone when it has a result."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return event\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        variables = environment(address, "app.handler", tmp_path, {})
        with ClientProcess([*LITE, "app.handler"], variables, tmp_path) as client:
            connection, _ = listener.accept()
            listener.close()
            with connection:
                assert connection.recv(65536).startswith(b"GET ")
                fields = "".join(f"{name}: {value}\r\n" for name, value in Event(request_id="request-0").fields())
                head = f"HTTP/1.1 200 OK\r\n{fields}Content-Length: 1\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode() + b"1")
            result = client.result(None)
    assert result.exit_code == 1
    assert "cannot be reached, 5 more attempts failed" in one_line(result)
