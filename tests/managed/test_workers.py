"""Worker processes: many invocations at once, failures of the Runtime API and of workers, the end of all."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.managed.double import LogCollector
from tests.managed.harness import PIDS, alive_in_session, function, records, wait_until
from tests.support.client_process import BOOTSTRAPPED, LITE, OFFICIAL
from tests.support.recorder import React, Reaction, Request

# The official client takes refusals of `next` in good part only where it polls in a thread.
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


# Where it is no matter how long is waited before the next try, and before a worker is replaced.
AT_ONCE = {"_managed_client._DELAYS": (0.001,) * 4, "_workers._FIRST_DELAY": 0.001}


def refuse(verb: str, *numbers: int, reaction: Reaction) -> React:
    """Return what bends the answers to these requests of a verb, counted from 0."""
    return lambda request, number: reaction if request.verb == verb and number in numbers else None


@both_clients
def test_replies_in_any_order(tmp_path: Path, command: tuple[str, ...]) -> None:
    """As many invocations as the platform wants run at once, each in a process of its own, and end in any order."""
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


def test_behind_bootstrap(tmp_path: Path) -> None:
    """The same behind `bootstrap`."""
    with function(tmp_path, PIDS, 2, command=BOOTSTRAPPED) as running:
        assert {running.ask() for _ in range(4)} == set(running.workers())


@pytest.mark.parametrize(("fork", "loads"), [("auto", 1), ("after", 1), ("before", 3)])
def test_how_often_the_function_is_loaded(tmp_path: Path, fork: str, loads: int) -> None:
    """Once, in the first process; in each worker if somebody says so."""
    source = 'import os\nopen("loads", "a").write(f"{os.getpid()}\\n")\n' + PIDS
    with function(tmp_path, source, 3, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        pids = list(map(int, (tmp_path / "loads").read_text().split()))
        assert len(pids) == loads
        assert set(pids) == ({running.pid} if loads == 1 else set(running.workers()))


@both_ways
def test_errors(tmp_path: Path, fork: str) -> None:
    """An exception is the caller's answer, with the handler's frames only; the worker goes on."""
    source = "import os\ndef handler(event, context):\n    raise KeyError(os.getpid())\n"
    with function(tmp_path, source, 1, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        errors = [running.ask() for _ in range(2)]
        assert [error["errorType"] for error in errors] == ["KeyError"] * 2
        assert errors[0]["errorMessage"] == errors[1]["errorMessage"]
        assert [len(error["stackTrace"]) for error in errors] == [1, 1]


@both_clients
def test_log_sockets(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Each worker connects twice and has its output and its errors there; the first process keeps what it had."""
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


def test_log_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    """Logs go to standard output then, and one line a worker says so."""
    env = {"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(tmp_path / "nobody")}
    with function(tmp_path, PIDS, 2, env=env) as running:
        assert running.ask() in running.workers()
        lines = records(running.finish().stdout)
    assert len(lines) == 2 and all("_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET" in line["message"] for line in lines)


@both_clients
def test_next_is_refused_for_a_while(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A worker asks five times before it gives up."""
    react = refuse("next", *range(1, 5), reaction=Reaction(status=500))
    with function(tmp_path, PIDS, 1, command=command, env=MANAGED_RUNTIME, react=react) as running:
        first = running.ask()
        running.api.wait_for_polls(1)
        assert running.ask() == first
        assert [request.status for request in running.api.requests if request.verb == "next"][1:5] == [500] * 4


def test_next_is_refused_for_good(tmp_path: Path) -> None:
    """Five polls a worker, three more workers in its place, then the environment ends with 1 and says why."""
    react: React = lambda request, number: Reaction(status=500) if request.verb == "next" else None  # noqa: E731
    with function(tmp_path, PIDS, 1, react=react, polls=0, limits=AT_ONCE) as running:
        result = running.ended()
    assert result.exit_code == 1
    assert sum(request.verb == "next" for request in running.api.requests) == 4 * 5
    assert "because the Runtime API refuses it" in records(result.stdout)[-1]["message"]


def test_the_runtime_api_is_gone(tmp_path: Path) -> None:
    """All workers end, and the first process with 1."""
    with function(tmp_path, PIDS, 2, limits=AT_ONCE) as running:
        running.api.stop()
        assert running.ended().exit_code == 1


@both_clients
@pytest.mark.parametrize("status", [400, 403, 410, 413, 500])
def test_a_reply_is_refused(tmp_path: Path, command: tuple[str, ...], status: int) -> None:
    """It is logged under its request id, and the same worker takes the next event."""
    react = refuse("response", 0, reaction=Reaction(status=status))
    with function(tmp_path, PIDS, 1, command=command, react=react) as running:
        running.api.invoke(request_id="refused")
        running.api.wait_until(lambda: any(r.verb == "response" for r in running.api._requests), "a reply")
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
def test_no_result_is_lost(tmp_path: Path, arrives: bool, pipeline: str) -> None:
    """A reply whose confirmation is lost is posted again, although `next` hands out other invocations here."""
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
def test_an_invocation_that_is_over(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A reply after the invocation's time gets 410; it is logged, and the loop goes on."""
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
def test_a_worker_ends(tmp_path: Path, event: str, reason: str, fork: str) -> None:
    """Another takes its place, the caller is told, nobody else notices; the first process says what happened."""
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
    assert len(lines) == 1 and f"({reason}); another takes its place in 0.1 s" in lines[0]


def test_back_off_grows(tmp_path: Path) -> None:
    """Workers that end quickly one after the other are replaced more and more slowly."""
    with function(tmp_path, CRASHING, 1) as running:
        for _ in range(3):
            running.ask(b'"exit"')
        running.api.wait_for_polls(1)
        lines = [line["message"] for line in records(running.finish().stdout)]
    assert [line.rpartition("in ")[2] for line in lines] == ["0.1 s", "0.2 s", "0.4 s"]


def test_workers_that_never_poll(tmp_path: Path) -> None:
    """A worker that cannot even begin is tried a bounded number of times, then everything ends with 1."""
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
def test_init_fails(tmp_path: Path, line: str, kind: str, code: int, fork: str) -> None:
    """The platform gets one init error, whoever loads, and the environment ends."""
    with function(tmp_path, line, env={"AWSLAMBDARIC_LITE_FORK": fork}, polls=0) as running:
        result = running.ended()
    assert [(r.verb, r.status) for r in running.api.requests] == [("init/error", 202)]
    assert running.api.requests[0].header("Lambda-Runtime-Function-Error-Type") == kind
    assert result.exit_code == code


def test_official_client_reports_init_failures_of_all_workers(tmp_path: Path) -> None:
    """The oracle: it posts once a worker, takes 403 for an answer, and its first process ends with 0."""
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
def test_sigterm_ends_all(tmp_path: Path, source: str, fork: str) -> None:
    """SIGTERM to the first process ends every worker, even one that ignores it, and is no failure."""
    with function(tmp_path, source, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        if source == STUBBORN:
            running.api.invoke()
        os.kill(running.pid, signal.SIGTERM)
        assert running.client.process.wait(60) == 0
        assert alive_in_session(running.pid) == []


@both_ways
@pytest.mark.parametrize("source", [PIDS, STUBBORN], ids=["idle", "stubborn"])
def test_no_worker_outlives_the_first_process(tmp_path: Path, source: str, fork: str) -> None:
    """When the first process is killed the kernel kills the workers, whatever they do."""
    with function(tmp_path, source, env={"AWSLAMBDARIC_LITE_FORK": fork}) as running:
        if source == STUBBORN:
            running.api.invoke()
        assert len(running.workers()) == 4
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: not alive_in_session(running.pid), "the end of the workers")


@pytest.mark.parametrize("value", ["", "0", "-1", "many", "1.5"])
def test_malformed_concurrency(tmp_path: Path, value: str) -> None:
    """One line names the variable and what it may be."""
    with function(tmp_path, PIDS, env={"AWS_LAMBDA_MAX_CONCURRENCY": value}, polls=0) as running:
        result = running.ended()
    assert result.exit_code == 1 and not running.api.requests
    assert result.stderr.decode() == (
        f"awslambdaric-lite: AWS_LAMBDA_MAX_CONCURRENCY={value!r} is malformed; "
        "it must be the number of invocations at once, 1 or more\n"
    )


def test_random_numbers_differ(tmp_path: Path) -> None:
    """Workers do not repeat each other's random numbers, those of numpy neither."""
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
def test_the_record_of_the_pool(tmp_path: Path, command: tuple[str, ...]) -> None:
    """At level DEBUG the first process writes the official record before it forks."""
    with function(tmp_path, PIDS, 2, command=command, env={"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}) as running:
        (record,) = (line for line in records(running.finish().stdout) if "event" in line["message"])
    del record["timestamp"]
    message = {"event": "runtime_worker_pool_initializing", "workerCount": 2, "executionEnvironmentMaxConcurrency": 2}
    assert record == {"level": "DEBUG", "message": message, "logger": "root", "requestId": ""}


def test_trace_id(tmp_path: Path) -> None:
    """In a worker the variable is the invocation's."""
    source = 'import os\ndef handler(event, context):\n    return os.environ.get("_X_AMZN_TRACE_ID")\n'
    with function(tmp_path, source, 1) as running:
        assert running.ask(headers=(("Lambda-Runtime-Trace-Id", "Root=1-a"),)) == "Root=1-a"
        assert running.ask(headers=(("Lambda-Runtime-Trace-Id", ""),)) is None


def test_coroutines_and_streams_in_workers(tmp_path: Path) -> None:
    """Each worker makes an event loop of its own after the fork."""
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
