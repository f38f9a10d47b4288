"""The watcher that cleans up after its parent process: which processes and files it removes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from awslambdaric_lite.emulator.environments.memory import descendants
from awslambdaric_lite.emulator.environments.parent_death_watcher import ParentDeathWatcher

from .waiting import WAIT, alive, wait_until


def sleeper() -> subprocess.Popen[bytes]:
    """Start a process in a new process group."""
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_watched_groups_are_killed(tmp_path: Path) -> None:
    """The watcher kills the watched process groups only, and removes the folder."""
    scratch = tmp_path / "scratch folder"
    (scratch / "inner").mkdir(parents=True)
    watched, forgotten, unknown = sleeper(), sleeper(), sleeper()
    try:
        guardian = ParentDeathWatcher(scratch)
        guardian.watch(watched.pid)
        guardian.watch(forgotten.pid)
        guardian.forget(forgotten.pid)
        guardian.close()
        assert watched.wait(WAIT) == -signal.SIGKILL
        assert forgotten.poll() is None
        assert unknown.poll() is None
        assert not scratch.exists()
    finally:
        for process in (watched, forgotten, unknown):
            process.kill()
            process.wait()


def test_terminal_signals_are_ignored(tmp_path: Path) -> None:
    """The watcher ignores SIGHUP, SIGINT and SIGTERM, and then still kills the watched processes."""
    watched = sleeper()
    try:
        guardian = ParentDeathWatcher(tmp_path / "none")
        guardian.watch(watched.pid)
        await_ignored(guardian.pid, signal.SIGTERM)  # the shell has executed its first line
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            os.kill(guardian.pid, number)
        guardian.close()
        assert watched.wait(WAIT) == -signal.SIGKILL
    finally:
        watched.kill()
        watched.wait()


def await_ignored(pid: int, number: signal.Signals) -> None:
    def ignored() -> bool:
        mask = Path(f"/proc/{pid}/status").read_text().partition("SigIgn:")[2].split()[0]
        return bool(int(mask, 16) & (1 << (number - 1)))

    wait_until(ignored, "the watcher does not ignore the signal")


def test_killed_watcher_raises_no_error(tmp_path: Path) -> None:
    """`watch` and `close` raise no error after the watcher was killed."""
    guardian = ParentDeathWatcher(tmp_path)
    os.kill(guardian.pid, signal.SIGKILL)
    os.waitid(os.P_PID, guardian.pid, os.WEXITED | os.WNOWAIT)
    guardian.watch(1)
    guardian.close()


PARENT = """
import os, sys, tempfile
from awslambdaric_lite.emulator import LocalLambda
tempfile.tempdir = sys.argv[2]
with LocalLambda("app.handler", task_root=sys.argv[1], runtime=sys.argv[3:], concurrency=2) as function:
    print(function.invoke().json(), flush=True)
    sys.stdin.read()
"""


def test_killed_parent_leaves_no_process_or_file(
    write_handler: Callable[[str], Path], socket_runtime: list[str], tmp_path: Path
) -> None:
    """Processes, children, scratch folder and watcher of a killed parent are removed."""
    source = """
import os, subprocess, sys
def handler(event, context):
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    return f"{os.getpid()} {child.pid}"
"""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-c", PARENT, str(write_handler(source)), str(scratch), *socket_runtime]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            pids = [int(pid) for pid in parent.stdout.readline().split()]
            assert len(pids) == 2
            assert list(scratch.iterdir())
            guardians = [pid for pid in descendants(parent.pid) if pid not in pids]
            assert len(guardians) == 1
        finally:
            parent.kill()
    wait_until(
        lambda: not any(alive(pid) for pid in (*pids, *guardians)) and not list(scratch.iterdir()),
        "a process or a file of the killed parent remains",
    )
