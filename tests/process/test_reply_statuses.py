"""What the Runtime API says of a reply, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.lite import COUNTING, bodies, numbered, run_lite, runs
from tests.support.recorder import Event, Reaction, Request

PIPELINES = {"pipelined": "1", "one by one": "0"}
FAILING = COUNTING.replace("return event", "if event == 2:\n        raise ValueError('x')\n    return event")
_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"

pipelines = pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
sources = pytest.mark.parametrize("source", [COUNTING, FAILING], ids=["response", "error"])


@pipelines
@sources
@pytest.mark.parametrize("closes", [False, True], ids=["keeps open", "closes"])
@pytest.mark.parametrize("status", [400, 403, 410, 413, 431, 404, 302])
def test_refused_reply(tmp_path: Path, status: int, closes: bool, source: str, pipeline: str) -> None:
    """A refused reply is logged under its request id, and the loop goes on."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status, close=closes) if request.request_id == "request-2" else None

    result = run_lite(tmp_path, source, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test, result.stderr.decode()
    assert runs(tmp_path) == [f"request-{number}" for number in range(5)]
    posts = [request for request in result.replies if request.request_id == "request-2"]
    assert len(posts) == (2 if status == 431 and source is FAILING else 1)
    assert result.stdout.count(f" with {status}: ".encode()) == 1
    (line,) = [line for line in result.stdout.decode().splitlines() if f" with {status}: " in line]
    assert line.startswith("[WARNING]\t") and "\trequest-2\t" in line and "Scripted" in line
    assert result.stderr == b""


@pipelines
def test_head_too_large_is_posted_again_without_the_cause(tmp_path: Path, pipeline: str) -> None:
    """431 is cured by leaving out the one optional header field."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=431, ignored=True, close=True) if request.header(_CAUSE) else None

    result = run_lite(tmp_path, FAILING, numbered(4), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test
    assert runs(tmp_path) == [f"request-{number}" for number in range(4)]
    first, second = (request for request in result.replies if request.request_id == "request-2")
    assert first.header(_CAUSE) and second.header(_CAUSE) is None
    assert (second.status, second.body) == (202, first.body)
    assert b"431" not in result.stdout


@pipelines
@sources
@pytest.mark.parametrize("status", [500, 502])
def test_server_error_ends_the_process(tmp_path: Path, status: int, source: str, pipeline: str) -> None:
    """500 means that the execution environment is lost: one line, exit 1."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status) if request.request_id == "request-2" else None

    result = run_lite(tmp_path, source, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.exit_code == 1
    assert runs(tmp_path) == ["request-0", "request-1", "request-2"]
    text = result.stderr.decode()
    assert text.count("\n") == 1 and str(status) in text and "request-2" in text and "Scripted" in text


@pipelines
def test_too_large_reply_refused_before_it_was_read(tmp_path: Path, pipeline: str) -> None:
    """An API that answers 413 and closes with the body unread is understood; no error is posted behind it."""
    source = COUNTING.replace("return event", "return 'x' * 7_000_000 if event == 2 else event")
    env = {"AWSLAMBDARIC_LITE_PIPELINE": pipeline}
    result = run_lite(tmp_path, source, numbered(4), env=env, limit=6_291_556)
    assert result.ended_by_test, result.stderr.decode()
    assert runs(tmp_path) == [f"request-{number}" for number in range(4)]
    assert [request.status for request in result.replies] == [202, 202, 413, 202]
    assert b" with 413: " in result.stdout


@pipelines
@pytest.mark.parametrize("status", [410, 413])
def test_closed_invocation_is_retried(tmp_path: Path, status: int, pipeline: str) -> None:
    """After 410 or 413 the service has closed the invocation: the same id again is a retry, and runs."""
    events = [Event(b"0"), Event(b"1", "same"), Event(b"2", "same"), Event(b"3")]

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status) if request.verb == "response" and number == 1 else None

    result = run_lite(tmp_path, COUNTING, events, react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test
    assert runs(tmp_path) == ["request-0", "same", "same", "request-3"]
    assert bodies(result) == [b"0", b"1", b"2", b"3"]


@pipelines
@pytest.mark.parametrize("status", [400, 403, 410])
def test_repeated_reply_that_had_arrived(tmp_path: Path, status: int, pipeline: str) -> None:
    """A reply posted again after a lost answer is settled by the refusal of the second: the first had arrived."""
    seen: list[Request] = []

    def react(request: Request, number: int) -> Reaction | None:
        if request.request_id != "request-2":
            return None
        seen.append(request)
        return Reaction(ignored=True, cut=0) if len(seen) == 1 else Reaction(status=status)

    result = run_lite(tmp_path, COUNTING, numbered(4), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test, result.stderr.decode()
    assert runs(tmp_path) == [f"request-{number}" for number in range(4)]
    assert len(seen) == 2
    assert b"refused" not in result.stdout


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
@pytest.mark.parametrize("number", [0, 2])
def test_refused_poll_ends_the_process(tmp_path: Path, number: int, status: int) -> None:
    """`next` refused: one line that says so, exit 1."""

    def react(request: Request, count: int) -> Reaction | None:
        return Reaction(status=status) if (request.verb, count) == ("next", number) else None

    result = run_lite(tmp_path, COUNTING, numbered(5), react=react)
    assert result.exit_code == 1
    assert runs(tmp_path) == [f"request-{count}" for count in range(number)]
    text = result.stderr.decode()
    assert text.startswith("awslambdaric-lite: ") and text.count("\n") == 1
    assert str(status) in text and "next" in text and "Scripted" in text


@pytest.mark.parametrize("status", [403, 500])
def test_refused_init_error(tmp_path: Path, status: int) -> None:
    """An init error that is refused is in the log all the same; exit 1."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status)

    result = run_lite(tmp_path, "raise ValueError('at import')", react=react)
    assert result.exit_code == 1
    assert b"[ERROR] ValueError: at import" in result.stdout
    assert str(status).encode() in result.stderr and result.stderr.count(b"\n") == 1


@pipelines
@pytest.mark.parametrize("status", [200, 202])
def test_success(tmp_path: Path, status: int, pipeline: str) -> None:
    """200 is as good as 202."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status) if request.verb == "response" else None

    result = run_lite(tmp_path, COUNTING, numbered(3), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test and bodies(result) == [b"0", b"1", b"2"]
    assert result.stdout + result.stderr == b""
