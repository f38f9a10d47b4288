"""The runtime reacts to each status of a reply."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import Reaction, ScriptedServer
from tests.process.lite import COUNTING, bodies, numbered, pipelines, run_lite, runs

FAILING = COUNTING.replace("return event", "if event == 2:\n        raise ValueError('x')\n    return event")
SUCCESSFUL = [200, 201, 202, 203, 204, 205, 206, 226, 299]
_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"

sources = pytest.mark.parametrize("source", [COUNTING, FAILING], ids=["response", "error"])


def scripted(status: int) -> Reaction:
    """Return a response with a status, and with a body if it may have one."""
    return Reaction(status=status, body=b"" if status == 204 else b"{}")


@pipelines
@sources
@pytest.mark.parametrize("closes", [False, True], ids=["keeps open", "closes"])
@pytest.mark.parametrize("status", [400, 403, 410, 413, 431, 404, 302])
def test_refused_reply_is_logged(tmp_path: Path, status: int, closes: bool, source: str, pipeline: str) -> None:
    """A refused reply is logged with its request id, and the loop continues."""

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
def test_too_large_head_is_posted_without_cause(tmp_path: Path, pipeline: str) -> None:
    """After a 431 the error is posted again without the X-Ray cause."""

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
    """A 500 for a reply writes one line and exits with 1, because the environment is lost."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status) if request.request_id == "request-2" else None

    result = run_lite(tmp_path, source, numbered(5), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.exit_code == 1
    assert runs(tmp_path) == ["request-0", "request-1", "request-2"]
    text = result.stderr.decode()
    assert text.count("\n") == 1 and str(status) in text and "request-2" in text and "Scripted" in text


@pipelines
def test_unread_large_reply_is_refused(tmp_path: Path, pipeline: str) -> None:
    """The loop continues after a 413 that the API sends before it reads the body, and posts no error."""
    source = COUNTING.replace("return event", "return 'x' * 7_000_000 if event == 2 else event")
    env = {"AWSLAMBDARIC_LITE_PIPELINE": pipeline}
    result = run_lite(tmp_path, source, numbered(4), env=env, limit=6_291_556)
    assert result.ended_by_test, result.stderr.decode()
    assert runs(tmp_path) == [f"request-{number}" for number in range(4)]
    assert [request.status for request in result.replies] == [202, 202, 413, 202]
    assert b" with 413: " in result.stdout


@pipelines
@pytest.mark.parametrize("status", [410, 413])
def test_closed_invocation_runs_again(tmp_path: Path, status: int, pipeline: str) -> None:
    """After a 410 or 413, the same request id is a retry by the service, and runs."""
    events = [Event(b"0"), Event(b"1", "same"), Event(b"2", "same"), Event(b"3")]

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status) if request.verb == "response" and number == 1 else None

    result = run_lite(tmp_path, COUNTING, events, react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test
    assert runs(tmp_path) == ["request-0", "same", "same", "request-3"]
    assert bodies(result) == [b"0", b"1", b"2", b"3"]


@pipelines
@pytest.mark.parametrize("status", [400, 403, 410])
def test_refused_repetition_was_acknowledged(tmp_path: Path, status: int, pipeline: str) -> None:
    """A refusal of a repeated reply means that the first one had arrived, and is not logged."""
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
    """A refused poll writes one line and exits with 1."""

    def react(request: Request, count: int) -> Reaction | None:
        return Reaction(status=status) if (request.verb, count) == ("next", number) else None

    result = run_lite(tmp_path, COUNTING, numbered(5), react=react)
    assert result.exit_code == 1
    assert runs(tmp_path) == [f"request-{count}" for count in range(number)]
    text = result.stderr.decode()
    assert text.startswith("awslambdaric-lite: ") and text.count("\n") == 1
    assert str(status) in text and "next" in text and "Scripted" in text


@pytest.mark.parametrize("status", [403, 500])
def test_refused_init_error_is_logged(tmp_path: Path, status: int) -> None:
    """An init error that the API refuses is logged, and the process exits with 1."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status)

    result = run_lite(tmp_path, "raise ValueError('at import')", react=react)
    assert result.exit_code == 1
    assert b"[ERROR] ValueError: at import" in result.stdout
    assert str(status).encode() in result.stderr and result.stderr.count(b"\n") == 1


@pipelines
@pytest.mark.parametrize("status", SUCCESSFUL)
def test_successful_status_confirms_reply(tmp_path: Path, status: int, pipeline: str) -> None:
    """Every status of success for a result or an error counts as a 202."""

    def react(request: Request, number: int) -> Reaction | None:
        return scripted(status) if request.verb in ("response", "error") else None

    source = COUNTING.replace("return event", "return event if event != 1 else 1 / 0")
    result = run_lite(tmp_path, source, numbered(3), react=react, env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline})
    assert result.ended_by_test and runs(tmp_path) == ["request-0", "request-1", "request-2"]
    assert [request.verb for request in result.replies] == ["response", "error", "response"]
    assert b"refused" not in result.stdout and result.stderr == b""


@pytest.mark.parametrize("status", SUCCESSFUL)
def test_successful_status_confirms_init_error(tmp_path: Path, status: int) -> None:
    """Every status of success for an init error counts as a 202."""

    def react(request: Request, number: int) -> Reaction | None:
        return scripted(status) if request.verb == "init/error" else None

    result = run_lite(tmp_path, "raise SystemExit(7)", react=react)
    assert (result.exit_code, result.stderr) == (7, b"")


@pytest.mark.parametrize("status", sorted(set(SUCCESSFUL) - {204}))
def test_event_has_any_successful_status(tmp_path: Path, status: int) -> None:
    """An invocation whose response to `next` has a status of success runs, as with the official client."""

    def serve(sock: socket.socket, number: int) -> None:
        if number:
            return  # the server has gone
        sock.recv(1 << 16)
        head = f"HTTP/1.1 {status} Odd\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 1\r\n\r\n"
        sock.sendall(head.encode() + b"7")
        sock.recv(1 << 16)

    with ScriptedServer(serve) as server:
        result = run_lite(tmp_path, COUNTING, address=lambda _: server.address)
    assert runs(tmp_path) == ["1"] and result.exit_code == 1


def test_poll_without_content_ends_process(tmp_path: Path) -> None:
    """A 204 for a poll brings no event: the process exits with a line that shows the status."""

    def react(request: Request, number: int) -> Reaction | None:
        return scripted(204) if request.verb == "next" else None

    result = run_lite(tmp_path, COUNTING, react=react)
    assert (result.exit_code, runs(tmp_path)) == (1, [])
    assert result.stderr == b"awslambdaric-lite: the Runtime API answered GET invocation/next with 204: (no body)\n"
