"""The life cycle of environments of Managed Instances: never frozen, drained, scaled in, shut down."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import EmulatorError, InvalidFunction, LocalLambda
from tests.emulator.extension_harness import HEAD
from tests.emulator.waiting import WAIT, alive, state_of, wait_until

from .fleet import EACH, PROCESSES, Runtime, fleet, platform

TICKING = """
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        time.sleep(0.001)
        ticks += 1
def handler(event, context):
    before = ticks
    if not ticks:
        threading.Thread(target=tick, daemon=True).start()
    return before
"""


def test_environment_is_not_frozen_between_invocations(tmp_path: Path) -> None:
    """Background threads run between invocations, because the environment is not frozen."""
    with fleet(tmp_path, PROCESSES, TICKING, managed_concurrency=1) as running:
        assert running.function.invoke().json() == 0
        (environment,) = running.function.environments
        assert environment.pid is not None
        wait_until(lambda: running.function.invoke().json() > 50)
        assert state_of(environment.pid) != "T"
        running.function.freeze()
        wait_until(lambda: state_of(environment.pid or 0) == "T")
        running.function.thaw()
        assert running.function.invoke().error is None


@pytest.mark.parametrize("runtime", EACH)
def test_reload_drains_old_environment(runtime: Runtime, tmp_path: Path) -> None:
    """A reload lets running invocations finish in the old environment, which takes no new one and is then removed."""
    with fleet(tmp_path, runtime, managed_concurrency=2, concurrency=1) as running:
        event = running.meeting(2)
        call = running.call({**event, "name": "old"})
        running.joined(event, 1)
        (old,) = running.function.environments
        (tmp_path / "app.py").write_text(runtime.source.replace('"pid": os.getpid()', '"new": True'))
        running.function.reload()
        new = running.function.invoke({"name": "new"})
        assert (new.json().get("new"), new.cold, len(running.function.environments)) == (True, True, 2)
        Path(event["meet"], "the test").touch()
        assert "pid" in call.result(WAIT).json()
        wait_until(lambda: old not in running.function.environments)
        wait_until(lambda: old.pid is None)


def test_idle_environment_is_removed(tmp_path: Path) -> None:
    """An environment is removed after the idle timeout, but not while one of its slots runs an invocation."""
    with fleet(tmp_path, PROCESSES, managed_concurrency=2, idle_timeout_s=0.3) as running:
        event = running.meeting(2)
        call = running.call({**event, "name": "n"})
        running.joined(event, 1)
        (environment,) = running.function.environments
        for _ in range(5):
            running.function.invoke()
        assert running.function.environments == [environment]
        Path(event["meet"], "the test").touch()
        call.result(WAIT)
        wait_until(lambda: not running.function.environments)
        assert running.function.invoke().cold


def test_provisioned_environments_start_before_invocation(tmp_path: Path) -> None:
    """Provisioned environments of Managed Instances start before the first invocation."""
    with fleet(tmp_path, PROCESSES, provisioned=2, concurrency=2) as running:
        assert len(running.function.environments) == 2
        (result,) = running.meet(1)
        assert (result.cold, result.json()["env"]["AWS_LAMBDA_INITIALIZATION_TYPE"]) == (
            *(False, "lambda-managed-instances"),
        )


def test_shutdown_hooks_run_in_all_workers(tmp_path: Path) -> None:
    """Shutdown hooks run in every worker, and no process remains."""
    source = (
        "import os\nfrom awslambdaric_lite import on_shutdown\n"
        "@on_shutdown\ndef close():\n    print('closed', os.getpid(), flush=True)\n"
    )
    with fleet(tmp_path, PROCESSES, source + PROCESSES.source) as running:
        pids = {result.json()["pid"] for result in running.meet(4)}
        lines = running.lines
    assert {line for line in lines if line.startswith("closed")} == {f"closed {pid}" for pid in pids}
    assert not any(alive(pid) for pid in pids)


@pytest.mark.parametrize("runtime", EACH)
def test_close_fails_invocations_and_cleans_up(runtime: Runtime, tmp_path: Path) -> None:
    """Closing fails running invocations and leaves no process or folder."""
    with fleet(tmp_path, runtime) as running:
        pids = {result.json()["pid"] for result in running.meet(4)}
        scratch = Path(running.meet(1)[0].json()["env"]["TMPDIR"])
        event = running.meeting(9)
        calls = [running.call({**event, "name": f"n{number}"}) for number in range(2)]
        running.joined(event, 2)
        running.function.close()
        for call in calls:
            with pytest.raises(EmulatorError, match="closed"):
                call.result(WAIT)
    wait_until(lambda: not any(alive(pid) for pid in pids))  # a killed process exits a moment later
    assert not scratch.exists() or scratch == Path("/tmp")


@pytest.mark.usefixtures("patient_platform")
def test_extension_receives_shutdown_only(tmp_path: Path) -> None:
    """An extension can subscribe only to SHUTDOWN, which it receives after the runtime's exit."""
    program = tmp_path / "companion"
    program.write_text(
        HEAD
        + """
extension.register(["INVOKE"])
extension.register(["SHUTDOWN"])
print("subscribed", flush=True)
print("received", extension.next().json()["eventType"], flush=True)
"""
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with fleet(tmp_path, PROCESSES, extensions=[program]) as running:
        assert [result.error for result in running.meet(4)] == [None] * 4
        assert platform("\n".join(running.lines), "extension")[0]["events"] == ["SHUTDOWN"]
        assert "received SHUTDOWN" not in running.lines
    assert "received SHUTDOWN" in running.lines


def test_extension_exit_fails_all_invocations(tmp_path: Path) -> None:
    """An extension's exit fails all running invocations and removes the environment."""
    program = tmp_path / "companion"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    program.write_text(
        HEAD
        + f"""
import threading
extension.register([])
threading.Thread(target=extension.next, daemon=True).start()
open({str(gate)!r}).read()
os._exit(3)
"""
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with fleet(tmp_path, PROCESSES, extensions=[program]) as running:
        event = running.meeting(9)
        calls = [running.call({**event, "name": f"n{number}"}) for number in range(2)]
        running.joined(event, 2)
        gate.write_text("")
        for call in calls:
            assert call.result(WAIT).error_type == "Extension.Crash"
        wait_until(lambda: not running.function.environments)


def test_single_invocation_features_are_rejected(tmp_path: Path) -> None:
    """Stale replies and snapshots are rejected with the setting to remove."""
    with fleet(tmp_path, PROCESSES) as running:
        event = running.meeting(2)
        call = running.call({**event, "name": "n"})
        running.joined(event, 1)
        with pytest.raises(EmulatorError, match="omit managed_concurrency"):
            running.function.deliver_stale_reply()
        with pytest.raises(EmulatorError, match="no snapshots"):
            running.function.snapshot_restore()
        Path(event["meet"], "the test").touch()
        assert call.result(WAIT).error is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"managed_concurrency": 0}, "managed concurrency 0 is out of range; Lambda takes 1 to 1600"),
        ({"managed_concurrency": 1601}, "managed concurrency 1601 is out of range"),
        ({"managed_concurrency": 10**30}, "is out of range; Lambda takes 1 to 1600"),
        ({"managed_concurrency": 2.5}, "managed concurrency 2.5 is not a whole number"),
        ({"managed_concurrency": "4"}, "managed concurrency '4' is not a whole number"),
        ({"managed_concurrency": True}, "managed concurrency True is not a whole number"),
        ({"snap_start": True}, "snap_start does not go with managed_concurrency"),
        ({"debug": True}, "debug does not go with managed_concurrency"),
        ({"telemetry_log_fd": True}, "telemetry_log_fd does not go with managed_concurrency"),
        ({"env": {"AWS_LAMBDA_MAX_CONCURRENCY": "3"}}, "follows from the setting `managed_concurrency`"),
    ],
)
def test_conflicting_settings_are_rejected(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    """Settings that conflict with Managed Instances are rejected."""
    values: dict[str, object] = {"managed_concurrency": 2, **settings}
    with pytest.raises(InvalidFunction) as refused:
        LocalLambda("app.handler", task_root=tmp_path, **values)  # type: ignore[arg-type]
    assert message in str(refused.value)


def test_unset_settings_get_managed_defaults(tmp_path: Path) -> None:
    """Settings that are not set get the defaults of Managed Instances."""
    function = LocalLambda("app.handler", task_root=tmp_path, managed_concurrency=2, timeout_s=900).function
    assert (function.memory_mb, function.init_timeout_s, function.log_format) == (2048, 900, "JSON")
    assert (function.freeze, function.capacity) == (False, 20)
    function = LocalLambda("app.handler", task_root=tmp_path, managed_concurrency=2, memory_mb=512).function
    assert (function.memory_mb, function.init_timeout_s) == (512, 130)


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        ({"timeout_s": 5400, "memory_mb": 32768}, []),
        ({"timeout_s": 5401}, ["timeout 5401 s is above Lambda's quota of 5400 s"]),
        ({"memory_mb": 32769}, ["memory 32769 MB is above Lambda's quota of 32768 MB"]),
    ],
)
def test_quotas_of_managed_instances(settings: dict[str, Any], texts: list[str], tmp_path: Path) -> None:
    """Managed Instances have other quotas; above them, the local Lambda warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LocalLambda("app.handler", task_root=tmp_path, managed_concurrency=2, **settings)
    assert [str(each.message) for each in caught] == texts
