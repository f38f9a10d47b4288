"""Orphaned processes that left their group: which ones are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from awslambdaric_lite.emulator.environments.orphaned_processes import OrphanedProcesses

from .waiting import WAIT


def test_younger_process_with_variable_is_killed(tmp_path: Path) -> None:
    """Only younger processes with exactly the given variable are killed, in any session."""
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    name, value = "STRAY_OF", str(tmp_path)

    def start(name: str, value: str, **options: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(sleep, env={**os.environ, name: value}, **options)  # type: ignore[call-overload, no-any-return]

    older = start(name, value)
    time.sleep(2 / os.sysconf("SC_CLK_TCK"))  # the kernel measures a process's age in these ticks
    strays = OrphanedProcesses(f"{name}={value}")
    stray = start(name, value, start_new_session=True)
    others = [older, start(name, value + "0"), start("X" + name, value)]
    try:
        asyncio.run(strays.kill())
        assert stray.wait(WAIT) == -signal.SIGKILL
        assert [process.poll() for process in others] == [None] * 3
    finally:
        for process in (stray, *others):
            process.kill()
            process.wait()
