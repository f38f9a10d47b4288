"""Worker processes: concurrent invocations, failures of the Runtime API and of workers, termination."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Request
from awslambdaric_lite.conformance.server import React, Reaction
from tests.managed.double import LogCollector
from tests.managed.harness import PIDS, alive_in_session, function, records, wait_until
from tests.support.client_process import BOOTSTRAPPED, LITE, OFFICIAL

# The official client retries a refused poll only if it polls in a thread.
MANAGED_RUNTIME = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}
both_clients = pytest.mark.parametrize("command", [LITE, OFFICIAL], ids=["lite", "official"])
both_ways = pytest.mark.parametrize("fork", ["after", "before"])

GATED = """
import os, time
def handler(event, context):
    while not os.path.exists(event):
        time.sleep(0.002)
    return [event, os.getpid()]
"""


# Short delays before a retry, and before the replacement of a worker.
NO_DELAYS = {"_managed.client.DELAYS": (0.001,) * 4, "_managed.supervisor.FIRST_DELAY": 0.001}


def refuse(verb: str, *numbers: int, reaction: Reaction) -> React:
    """Return a function that changes the responses to these requests of a verb, counted from 0."""
    return lambda request, number: reaction if request.verb == verb and number in numbers else None


@both_clients
def test_workers_reply_in_any_order(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Each concurrent invocation runs in another process, and they may end in any order."""
    gates = [tmp_path / f"gate-{number}" for number in range(4)]
    with function(tmp_path, GATED, command=command) as running:
        calls = [running.api.invoke(json.dumps(str(gate)).encode()) for gate in gates]
        pids = set()
        for call, gate in reversed(list(zip(calls, gates, strict=True))):
            assert not call.replied.is_set()
            gate.touch()
            path, pid = json.loads(call.result().body)
            assert (path, call.result().status) == (str(gate), 202)
            pids.add(pid)
        assert len(pids) == 4 and running.pid not in pids
        running.api.wait_for_polls(4)


def test_bootstrap_starts_workers(tmp_path: Path) -> None:
    """`bootstrap` starts the workers, too."""
    with function(tmp_path, PIDS, 2, command=BOOTSTRAPPED) as running:
        assert {running.ask() for _ in range(4)} == set(running.workers())


@pytest.mark.parametrize(("fork", "loads"), [("auto", 1), ("after", 1), ("before", 3)])
def test_function_is_loaded_once_unless_told_otherwise(tmp_path: Path, fork: str, loads: int) -> None:
    """The first process loads the function once; each worker loads it if `AWSLAMBDARIC_LITE_FORK` says so."""
    source = 'import os\nopen("loads", "a").write(f"{os.getpid()}\\n")\n' + PIDS
    with function(tmp_path, source, 3, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        pids = list(map(int, (tmp_path / "loads").read_text().split()))
        assert len(pids) == loads
        assert set(pids) == ({running.pid} if loads == 1 else set(running.workers()))


@both_ways
def test_error_in_worker_has_handler_frames(tmp_path: Path, fork: str) -> None:
    """An exception becomes the caller's error, with the handler's frames only, and the worker continues."""
    source = "import os\ndef handler(event, context):\n    raise KeyError(os.getpid())\n"
    with function(tmp_path, source, 1, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        errors = [running.ask() for _ in range(2)]
        assert [error["errorType"] for error in errors] == ["KeyError"] * 2
        assert errors[0]["errorMessage"] == errors[1]["errorMessage"]
        assert [len(error["stackTrace"]) for error in errors] == [1, 1]


@both_clients
def test_each_worker_connects_to_log_socket_twice(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Each worker connects its output and its errors to the log collector; the first process keeps its own."""
    source = """
import logging, os, sys
def handler(event, context):
    print("out", os.getpid())
    print("err", os.getpid(), file=sys.stderr)
    logging.getLogger().warning("record")
    return os.getpid()
"""
    path = tmp_path / "logs"
    env = {"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(path)}
    with LogCollector(path) as logs, function(tmp_path, source, 3, command=command, env=env) as running:
        logs.wait_for_connections(6)
        pid = running.ask(request_id="the-request")
        out = logs.wait_for('"record"')
        assert out.startswith(f"out {pid}\n")
        record = json.loads(out.splitlines()[1])
        assert (record["level"], record["message"], record["requestId"]) == ("WARNING", "record", "the-request")
        assert logs.wait_for("err ") == f"err {pid}\n"
        result = running.finish()
    assert (result.stdout, result.stderr) == (b"", b"")


def test_closed_log_socket_falls_back_to_stdout(tmp_path: Path) -> None:
    """Logs go to standard output if the log socket refuses connections, and one line for each worker says so."""
    env = {"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(tmp_path / "nobody")}
    with function(tmp_path, PIDS, 2, env=env) as running:
        assert running.ask() in running.workers()
        lines = records(running.finish().stdout)
    assert len(lines) == 2 and all("_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET" in line["message"] for line in lines)


@both_clients
def test_refused_poll_is_retried(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A worker polls up to five times before it exits."""
    react = refuse("next", *range(1, 5), reaction=Reaction(status=500))
    with function(tmp_path, PIDS, 1, command=command, env=MANAGED_RUNTIME, react=react) as running:
        first = running.ask()
        running.api.wait_for_polls(1)
        assert running.ask() == first
        assert [request.status for request in running.api.requests if request.verb == "next"][1:5] == [500] * 4


def test_environment_exits_after_refused_polls(tmp_path: Path) -> None:
    """After five polls of each of four workers in one slot the environment exits with 1 and says why."""
    react: React = lambda request, number: Reaction(status=500) if request.verb == "next" else None  # noqa: E731
    with function(tmp_path, PIDS, 1, react=react, polls=0, limits=NO_DELAYS) as running:
        result = running.ended()
    assert result.exit_code == 1
    assert sum(request.verb == "next" for request in running.api.requests) == 4 * 5
    assert "because the Runtime API refuses it" in records(result.stdout)[-1]["message"]


def test_workers_exit_without_runtime_api(tmp_path: Path) -> None:
    """All workers exit, and the first process exits with 1, if they cannot reach the Runtime API."""
    with function(tmp_path, PIDS, 2, limits=NO_DELAYS) as running:
        running.api.stop()
        assert running.ended().exit_code == 1


@both_clients
@pytest.mark.parametrize("status", [400, 403, 410, 413, 500])
def test_refused_reply_is_logged(tmp_path: Path, command: tuple[str, ...], status: int) -> None:
    """A refused reply is logged under its request id, and the same worker takes the next event."""
    react = refuse("response", 0, reaction=Reaction(status=status))
    with function(tmp_path, PIDS, 1, command=command, react=react) as running:
        running.api.invoke(request_id="refused")
        running.api.wait_until(lambda: any(r.verb == "response" for r in running.api.requests), "a reply")
        running.api.wait_for_polls(1)
        worker = running.ask()
        assert command == OFFICIAL or worker in running.workers()
        output = running.finish().stdout.decode()
    if command == OFFICIAL:
        assert "This won't kill the Runtime loop" in output
    else:
        (line,) = records(output.encode())
        assert (line["requestId"], str(status) in line["message"]) == ("refused", True)


@pytest.mark.parametrize("pipeline", ["1", "0"])
@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "lost"])
def test_unconfirmed_reply_is_posted_again(tmp_path: Path, arrives: bool, pipeline: str) -> None:
    """A reply whose confirmation is lost is posted again, because the next poll may deliver another invocation."""
    reaction = Reaction(cut=0, close=True) if arrives else Reaction(ignored=True, cut=0)
    react = refuse("response", 1, reaction=reaction)
    env = {"AWSLAMBDARIC_LITE_PIPELINE": pipeline}
    source = 'def handler(event, context):\n    open("runs", "a").write(".")\n    return event\n'
    with function(tmp_path, source, 1, env=env, react=react) as running:
        assert [running.ask(b"%d" % number) for number in range(4)] == [0, 1, 2, 3]
        running.api.wait_for_polls(1)
        replies = [r.request_id for r in running.api.requests if r.verb == "response"]
        assert (tmp_path / "runs").read_text() == "...."
    assert replies == ["request-1", "request-2", "request-2", "request-3", "request-4"]


@both_clients
def test_late_reply_is_logged(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A reply after the invocation's timeout gets 410; it is logged, and the loop continues."""
    with function(tmp_path, GATED, 1, command=command) as running:
        late = running.api.invoke(json.dumps(str(tmp_path / "gate")).encode())
        late.expired = True
        (tmp_path / "gate").touch()
        assert late.result().verb == "response"
        running.api.wait_for_polls(1)
        assert running.ask(json.dumps(str(tmp_path / "gate")).encode())[0] == str(tmp_path / "gate")


CRASHING = """
import os, signal, sys
def handler(event, context):
    if event == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if event == "exit":
        os._exit(3)
    if event == "leave":
        sys.exit(4)
    return os.getpid()
"""


@both_ways
@pytest.mark.parametrize(
    ("event", "reason"), [("kill", "signal: killed"), ("exit", "exit status 3"), ("leave", "exit status 4")]
)
def test_exited_worker_is_replaced(tmp_path: Path, event: str, reason: str, fork: str) -> None:
    """Another worker replaces one that exits, the caller gets an error, and the first process logs the exit."""
    with function(tmp_path, CRASHING, 2, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        before = set(running.workers())
        error = running.ask(json.dumps(event).encode(), request_id="crashed")
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"] == f"RequestId: crashed Error: Runtime exited with error: {reason}"
        running.api.wait_for_polls(2)
        after = set(running.workers())
        assert len(after) == 2 and len(before & after) == 1
        assert {running.ask() for _ in range(2)} == after
        assert sum(request.request_id == "crashed" for request in running.api.requests) == 1
        lines = [line["message"] for line in records(running.finish().stdout) if line.get("logger")]
    assert len(lines) == 1 and f"({reason}); replacing it in 0.1 s" in lines[0]


def test_delay_before_replacement_grows(tmp_path: Path) -> None:
    """The delay before a replacement grows if workers exit soon after their start."""
    with function(tmp_path, CRASHING, 1) as running:
        for _ in range(3):
            running.ask(b'"exit"')
        running.api.wait_for_polls(1)
        lines = [line["message"] for line in records(running.finish().stdout)]
    assert [line.rpartition("in ")[2] for line in lines] == ["0.1 s", "0.2 s", "0.4 s"]


def test_worker_that_cannot_be_started_is_retried(tmp_path: Path) -> None:
    """A worker for which the system has no room at the moment is started later, with a line in the log."""
    source = """
import awslambdaric_lite._managed.supervisor as supervisor
fork = supervisor.posix.fork
def refuse():
    supervisor.posix.fork = fork
    raise OSError(11, "no more processes")
supervisor.posix.fork = refuse
"""
    with function(tmp_path, source + PIDS, 2) as running:
        assert running.ask() in running.workers() and len(running.workers()) == 2
        lines = [line["message"] for line in records(running.finish().stdout)]
    assert lines == ["Cannot start a worker: [Errno 11] no more processes; retrying"]


def test_worker_that_never_polls_is_retried(tmp_path: Path) -> None:
    """A worker that exits before its first poll is replaced a limited number of times, then everything exits with 1."""
    source = "import os\nos.register_at_fork(after_in_child=lambda: os._exit(7))\n" + PIDS
    with function(tmp_path, source, 2, polls=0) as running:
        result = running.ended()
    assert result.exit_code == 1 and not running.api.requests
    lines = [line["message"] for line in records(result.stdout)]
    assert "before its first poll (exit status 7)" in lines[-1] and 3 < len(lines) < 9


@both_ways
@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        ("1 / 0", "ZeroDivisionError", 1),
        ("import nothing_such", "Runtime.ImportModuleError", 1),
        ("raise SystemExit(5)", "Runtime.ExitError", 5),
    ],
)
def test_failed_init_is_posted_once(tmp_path: Path, line: str, kind: str, code: int, fork: str) -> None:
    """The platform receives one init error, whichever process loads the function, and the environment exits."""
    with function(tmp_path, line, env={"AWSLAMBDARIC_LITE_FORK": fork}, polls=0) as running:
        result = running.ended()
    assert [(r.verb, r.status) for r in running.api.requests] == [("init/error", 202)]
    assert running.api.requests[0].header("Lambda-Runtime-Function-Error-Type") == kind
    assert result.exit_code == code


def test_official_client_reports_init_failure_of_each_worker(tmp_path: Path) -> None:
    """The official client posts an init error from each worker, accepts 403, and its first process exits with 0."""
    with function(tmp_path, "1 / 0", 3, command=OFFICIAL, polls=0) as running:
        result = running.ended()
    assert sorted(str(r.status) for r in running.api.requests) == ["202", "403", "403"]
    assert result.exit_code == 0


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def handler(event, context):
    time.sleep(600)
"""


@both_ways
@pytest.mark.parametrize("source", [PIDS, STUBBORN], ids=["idle", "stubborn"])
def test_sigterm_ends_all_workers(tmp_path: Path, source: str, fork: str) -> None:
    """SIGTERM to the first process terminates every worker, even one that ignores it; the exit status is 0."""
    with function(tmp_path, source, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        if source == STUBBORN:
            running.api.invoke()
        os.kill(running.pid, signal.SIGTERM)
        assert running.client.process.wait(60) == 0
        assert alive_in_session(running.pid) == []


@both_ways
@pytest.mark.parametrize("source", [PIDS, STUBBORN], ids=["idle", "stubborn"])
def test_no_worker_outlives_the_first_process(tmp_path: Path, source: str, fork: str) -> None:
    """The kernel kills the workers when the first process is killed, whatever they do."""
    with function(tmp_path, source, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        if source == STUBBORN:
            running.api.invoke()
        assert len(running.workers()) == 4
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: not alive_in_session(running.pid), "the end of the workers")


@pytest.mark.parametrize("value", ["", "0", "-1", "many", "1.5", "1601", "1000000000", "9" * 60, "0x10", "+4"])
def test_malformed_concurrency_is_refused(tmp_path: Path, value: str) -> None:
    """One line names the variable and its valid values; no number starts more workers than Lambda allows."""
    with function(tmp_path, PIDS, env={"AWS_LAMBDA_MAX_CONCURRENCY": value}, polls=0) as running:
        result = running.ended()
    assert result.exit_code == 1 and not running.api.requests
    assert result.stderr.decode() == (
        f"awslambdaric-lite: AWS_LAMBDA_MAX_CONCURRENCY={value!r} is malformed; "
        "it must be the number of concurrent invocations, 1 to 1600\n"
    )


def test_random_numbers_differ_between_workers(tmp_path: Path) -> None:
    """Workers do not repeat each other's random numbers, including those of numpy."""
    pytest.importorskip("numpy")
    source = """
import random, numpy.random
random.seed(1)
numpy.random.seed(1)
def handler(event, context):
    return [random.random(), float(numpy.random.random())]
"""
    env = {"OPENBLAS_NUM_THREADS": "1", "AWSLAMBDARIC_LITE_FORK": "after"}
    with function(tmp_path, source, 3, env=env) as running:
        numbers = [running.ask() for _ in range(3)]
    assert len({pair[0] for pair in numbers}) == len({pair[1] for pair in numbers}) == 3


@both_clients
def test_debug_level_logs_the_worker_pool(tmp_path: Path, command: tuple[str, ...]) -> None:
    """At level DEBUG the first process writes the official record before it forks."""
    with function(tmp_path, PIDS, 2, command=command, env={"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}) as running:
        (record,) = (line for line in records(running.finish().stdout) if "event" in line["message"])
    del record["timestamp"]
    message = {"event": "runtime_worker_pool_initializing", "workerCount": 2, "executionEnvironmentMaxConcurrency": 2}
    assert record == {"level": "DEBUG", "message": message, "logger": "root", "requestId": ""}


def test_worker_has_trace_id_of_its_invocation(tmp_path: Path) -> None:
    """In a worker the variable `_X_AMZN_TRACE_ID` has the value of the current invocation."""
    source = 'import os\ndef handler(event, context):\n    return os.environ.get("_X_AMZN_TRACE_ID")\n'
    with function(tmp_path, source, 1) as running:
        assert running.ask(headers=(("Lambda-Runtime-Trace-Id", "Root=1-a"),)) == "Root=1-a"
        assert running.ask(headers=(("Lambda-Runtime-Trace-Id", ""),)) is None


def test_each_worker_has_an_event_loop(tmp_path: Path) -> None:
    """Each worker creates an event loop after the fork."""
    source = """
import asyncio, os
async def handler(event, context):
    await asyncio.sleep(0)
    return [os.getpid(), id(asyncio.get_running_loop()) > 0]
"""
    with function(tmp_path, source, 2) as running:
        assert {running.ask()[0] for _ in range(4)} == set(running.workers())
        assert running.pid not in running.workers()
    source = "def handler(event, context):\n    yield b'a'\n    yield b'b'\n"
    with function(tmp_path, source, 2) as running:
        reply: Request = running.api.invoke().result()
        assert reply.body == b"ab" and reply.header("Lambda-Runtime-Function-Response-Mode") == "streaming"
        running.api.wait_for_polls(2)
