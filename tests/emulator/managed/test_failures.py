"""Failures on Managed Instances: a worker, the first process, a timeout, an init, the memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.environments import managed
from awslambdaric_lite.emulator.environments.managed import ManagedEnvironment
from awslambdaric_lite.emulator.environments.memory import descendants
from tests.emulator.waiting import WAIT

from ..waiting import alive, wait_until
from .fleet import ASYNCIO, EACH, MEETING, OFFICIAL, PROCESSES, Runtime, fleet, platform


def test_worker_exit_fails_one_invocation(tmp_path: Path) -> None:
    """A worker's exit fails only its invocation, and the environment replaces the worker."""
    with fleet(tmp_path, PROCESSES, concurrency=1) as running:
        event = running.meeting(4)
        others = [running.call({**event, "name": f"n{number}"}) for number in range(3)]
        running.joined(event, 3)
        dead = running.function.invoke({"die": 7})
        assert (dead.error_type, dead.json()["errorType"]) == ("Runtime.Unknown", "Runtime.ExitError")
        assert "exit status 7" in dead.json()["errorMessage"]
        Path(event["meet"], "the test").touch()
        assert [call.result(WAIT).error for call in others] == [None] * 3
        assert [result.cold for result in running.meet(4)] == [False] * 4
        assert len(running.function.environments) == 1


@pytest.mark.parametrize("runtime", [OFFICIAL])
def test_unreplaced_worker_reduces_slots(runtime: Runtime, tmp_path: Path) -> None:
    """The invocation of a worker that is not replaced times out, and the environment has one slot less."""
    with fleet(tmp_path, runtime, managed_concurrency=2, concurrency=2, timeout_s=60.0) as running:
        assert [result.error for result in running.meet(2)] == [None, None]
        (environment,) = running.function.environments
        workers = descendants(environment.pid or 0)
        dead = running.call({"die": 7})
        wait_until(lambda: not all(alive(pid) for pid in workers))
        running.function.time_out_now()
        assert dead.result(WAIT).report.error_type == "Sandbox.Timedout"
        assert [environment.slots for environment in running.function.environments] == [1]
        assert [result.error for result in running.meet(2)] == [None, None]
        assert [environment.slots for environment in running.function.environments] == [1, 2]


@pytest.mark.parametrize("runtime", EACH)
def test_first_process_exit_fails_all_invocations(runtime: Runtime, tmp_path: Path) -> None:
    """The exit of the first process fails every invocation with AWS's message; the next one gets a new environment."""
    with fleet(tmp_path, runtime, concurrency=1) as running:
        event = running.meeting(9)
        calls = [running.call({**event, "name": f"n{number}"}) for number in range(3)]
        running.joined(event, 3)
        (before,) = running.function.environments
        running.function.crash()
        for call in calls:
            result = call.result(WAIT)
            text = f"RequestId: {result.request_id} Error: runtime exited with error: signal: killed"
            assert result.json() == {"errorType": "Runtime.ExitError", "errorMessage": text}
            (report,) = platform(result.logs, "report")
            assert (report["status"], report["errorType"]) == ("error", "Runtime.ExitError")
        after = running.function.invoke({"name": "n"})
        assert (after.error, after.cold) == (None, True)
        assert before not in running.function.environments
        assert (before.exit_code, len(running.function.environments)) == (-9, 1)


@pytest.mark.usefixtures("patient_platform")
def test_idle_environment_crash_fails_no_invocation(tmp_path: Path) -> None:
    """The crash of an idle environment fails no invocation."""
    with fleet(tmp_path, PROCESSES, concurrency=1) as running:
        for _ in range(3):
            running.function.invoke()
            running.function.crash()
            assert running.function.invoke().error is None
        running.function.crash()
        wait_until(lambda: not running.function.environments)


@pytest.mark.parametrize("runtime", EACH)
def test_timeout_fails_only_late_invocation(runtime: Runtime, tmp_path: Path) -> None:
    """A timeout fails only its invocation, whose code keeps its slot until its late reply."""
    with fleet(tmp_path, runtime, managed_concurrency=2, concurrency=1, timeout_s=60.0) as running:
        event = running.meeting(2)
        late = running.call({**event, "name": "late"})
        running.joined(event, 1)
        assert [running.function.invoke({"name": f"n{number}"}).error for number in range(5)] == [None] * 5
        running.function.time_out_now()
        result = late.result(WAIT)
        assert result.error_type == "Sandbox.Timedout"
        assert "Task timed out after 60.00 seconds" in result.json()["errorMessage"]
        assert (result.report.status, platform(result.logs, "report")[0]["status"]) == ("timeout", "timeout")
        (environment,) = running.function.environments
        changes: list[int] = []
        environment.on_change = lambda environment: changes.append(environment.slots)
        assert environment.slots == 1
        assert running.function.invoke({"name": "other"}).error is None
        Path(event["meet"], "the test").touch()
        wait_until(lambda: changes == [2])
        assert [each.error for each in running.meet(2)] == [None, None]
        assert running.function.environments == [environment]


def test_environment_of_timed_out_invocations_is_replaced(tmp_path: Path) -> None:
    """An environment whose slots are all busy with timed-out invocations is replaced."""
    with fleet(tmp_path, PROCESSES, managed_concurrency=1, concurrency=1, timeout_s=60.0) as running:
        event = running.meeting(9)
        call = running.call({**event, "name": "n"})
        running.joined(event, 1)
        running.function.time_out_now()
        late = call.result(WAIT)
        assert (late.error_type, late.report.status) == ("Sandbox.Timedout", "timeout")
        after = running.function.invoke({})
        assert (after.error, after.cold, len(running.function.environments)) == (None, True, 1)


def test_time_out_now_fails_all_running(tmp_path: Path) -> None:
    """`time_out_now` times out all running invocations."""
    with fleet(tmp_path, PROCESSES, managed_concurrency=2) as running:
        event = running.meeting(9)
        calls = [running.call({**event, "name": f"n{number}"}) for number in range(2)]
        running.joined(event, 2)
        running.function.time_out_now()
        assert [call.result(WAIT).error_type for call in calls] == ["Sandbox.Timedout"] * 2


@pytest.mark.parametrize("runtime", EACH)
def test_failed_init_fails_waiting_callers_once(runtime: Runtime, tmp_path: Path) -> None:
    """A failed init fails all waiting callers and is not repeated; the next invocation starts a new environment."""
    count = tmp_path / "count"
    source = f"open({str(count)!r}, 'a').write('x')\nimport time\ntime.sleep(0.2)\nraise ValueError('broken')\n"
    with fleet(tmp_path, runtime, source, managed_concurrency=3, concurrency=1) as running:
        calls = [running.call() for _ in range(3)]
        for call in calls:
            result = call.result(WAIT)
            assert result.error is not None
            assert result.error_type == result.report.error_type
        starts = platform("\n".join(running.lines), "initStart")
        loads = len(count.read_text())
        assert running.function.invoke().error is not None
        assert len(platform("\n".join(running.lines), "initStart")) == len(starts) + 1 == 2
        assert platform("\n".join(running.lines), "initReport")[0]["status"] == "error"
        wait_until(lambda: not running.function.environments)
    if runtime is not PROCESSES and runtime is not ASYNCIO:
        return  # each of its workers loads the handler
    assert (loads, len(count.read_text())) == (1, 2)


def test_slow_init_times_out(tmp_path: Path) -> None:
    """An init times out after the configured limit, by default 130 s."""
    with fleet(tmp_path, PROCESSES, "import time\ntime.sleep(600)\n", init_timeout_s=0.5) as running:
        result = running.function.invoke()
        assert result.json()["errorType"] == "Sandbox.Timedout"
        assert platform(result.logs, "initReport")[0]["status"] == "timeout"
        assert running.function.function.init_timeout_s == 0.5
    with fleet(tmp_path, PROCESSES) as running:
        assert running.function.function.init_timeout_s == 130.0


def test_memory_of_workers_is_summed(tmp_path: Path) -> None:
    """An environment is killed if the summed memory of its workers exceeds the limit."""
    source = (
        MEETING + "hold = []\ndef handler(event, context):\n"
        "    hold.append(os.urandom(1) * 45_000_000)\n    for _ in absent(event):\n        time.sleep(0.002)\n"
    )
    with fleet(tmp_path, PROCESSES, source, memory_mb=160) as running:
        event = running.meeting(9)
        calls = [running.call({**event, "name": f"n{number}"}) for number in range(2)]
        running.joined(event, 2)
        assert not any(call.done() for call in calls)
        calls += [running.call({**event, "name": f"n{number}"}) for number in (2, 3)]
        for call in calls:
            result = call.result(WAIT)
            assert (result.error_type, result.report.max_memory_used_mb) == ("Runtime.OutOfMemory", 160)


ONE_POLL = """
import http.client, os, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    event = api.getresponse()
    body = event.read()
    if body == b'"wait"':
        time.sleep(600)
    request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", body)
    api.getresponse().read()
"""


def test_missing_worker_fails_with_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invocation waits for a worker to poll, and fails with `Runtime.Unavailable` if none does."""
    (tmp_path / "one_poll.py").write_text(ONE_POLL)
    alone = Runtime("one poll", [sys.executable, "-S", str(tmp_path / "one_poll.py")], "", {})
    with fleet(tmp_path, alone, concurrency=1) as running:
        calls = [running.call(number) for number in range(4)]
        assert [call.result(WAIT).json() for call in calls] == [0, 1, 2, 3]
        stuck = running.call("wait")
        (environment,) = running.function.environments
        assert isinstance(environment, ManagedEnvironment)
        wait_until(lambda: len(platform("\n".join(running.lines), "start")) == 5)
        monkeypatch.setattr(managed, "WORKER_LIMIT_S", 0.1)
        refused = running.function.invoke("more")
        assert refused.error_type == "Runtime.Unavailable"
        assert "No worker of the runtime asked for an invocation" in refused.json()["errorMessage"]
        running.function.crash()
        assert stuck.result(WAIT).error_type == "Runtime.ExitError"
