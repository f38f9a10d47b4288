"""The guardian: what it kills and removes when its pipe closes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from awslambdaric_lite.emulator.environments.memory import descendants
from awslambdaric_lite.emulator.environments.parent_death_watcher import ParentDeathWatcher

from .environment_harness import alive
from .harness import WAIT


def sleeper() -> subprocess.Popen[bytes]:
    """A process in a group of its own."""
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_it_kills_what_it_watches_and_nothing_else(tmp_path: Path) -> None:
    """Watched groups go, forgotten and unknown ones stay, and the folder is removed."""
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


def test_signals_of_the_terminal_do_not_end_it(tmp_path: Path) -> None:
    """It outlives a hang-up, an interrupt and a termination, and still does its work."""
    watched = sleeper()
    try:
        guardian = ParentDeathWatcher(tmp_path / "none")
        guardian.watch(watched.pid)
        _await_ignored(guardian.pid, signal.SIGTERM)  # the shell has got to its first line
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            os.kill(guardian.pid, number)
        guardian.close()
        assert watched.wait(WAIT) == -signal.SIGKILL
    finally:
        watched.kill()
        watched.wait()


def _await_ignored(pid: int, number: signal.Signals) -> None:
    limit = time.monotonic() + WAIT
    while True:
        ignored = Path(f"/proc/{pid}/status").read_text().partition("SigIgn:")[2].split()[0]
        if int(ignored, 16) & (1 << (number - 1)):
            return
        assert time.monotonic() < limit, "the guardian does not ignore the signal"
        time.sleep(0.005)


def test_a_guardian_that_was_killed_does_no_harm(tmp_path: Path) -> None:
    """Telling it and closing it still work."""
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


def test_a_killed_parent_leaves_nothing(
    write_handler: Callable[[str], Path], socket_runtime: list[str], tmp_path: Path
) -> None:
    """Frozen processes, their children, the scratch folder and the guardian itself go with a parent that was killed."""
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
    limit = time.monotonic() + WAIT
    while any(alive(pid) for pid in (*pids, *guardians)) or list(scratch.iterdir()):
        assert time.monotonic() < limit, "something outlived its parent"
        time.sleep(0.005)
