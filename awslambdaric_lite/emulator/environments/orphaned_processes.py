"""Processes that left their group: children which made a session of their own, when their parents are long gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

_LIMIT_S = 0.25  # for processes that are just starting to show their variables
_PAUSE_S = 0.002
_BUSY = (b"R", b"D")
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD of linux/sched.h


class OrphanedProcesses:
    """Those of the processes started from now on that have a variable (`NAME=value`) from their start.

    Older processes are not looked into: they are somebody else's, and so are their variables.
    """

    def __init__(self, variable: str) -> None:
        self._mark = f"\0{variable}\0".encode()
        self._since = _ticks_since_boot()

    async def kill(self) -> None:
        """Kill them, in whatever group they are."""
        limit = time.monotonic() + _LIMIT_S
        while self._kill() and time.monotonic() < limit:
            await asyncio.sleep(_PAUSE_S)

    def _kill(self) -> bool:
        """Look once; return whether there are processes that are just starting, and show no variables yet."""
        starting = False
        with contextlib.suppress(OSError):  # a system without /proc
            for name in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):  # it has ended, or is another user's
                    folder = Path("/proc", name)
                    state = self._state_of_candidate((folder / "stat").read_bytes())
                    if state is None or int(name) == os.getpid():
                        continue
                    variables = (folder / "environ").read_bytes()
                    starting |= not variables and state in _BUSY  # one that waits has started, and has none
                    if self._mark in b"\0" + variables:
                        os.kill(int(name), signal.SIGKILL)
        return starting

    def _state_of_candidate(self, stat: bytes) -> bytes | None:
        fields = stat.rpartition(b")")[2].split()  # from the third on; source: proc_pid_stat(5)
        state, flags, started = fields[0], int(fields[6]), int(fields[19])
        is_candidate = started >= self._since and state not in (b"Z", b"X") and not flags & _KERNEL_THREAD
        return state if is_candidate else None


def _ticks_since_boot() -> int:
    """The time at which a process that starts now is said to have started; 0 where processes do not say."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0 if clock is None else int(time.clock_gettime(clock) * os.sysconf("SC_CLK_TCK"))
