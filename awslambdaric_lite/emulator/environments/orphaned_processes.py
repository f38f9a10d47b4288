"""Orphaned processes: children in a new session, whose parents may have exited long ago."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

_LIMIT_S = 0.25  # for starting processes to have variables
_PAUSE_S = 0.002
_BUSY = (b"R", b"D")
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD of linux/sched.h


class OrphanedProcesses:
    """Processes that start after this object was made, with a certain variable (`NAME=value`).

    Older processes are not read: they belong to other programs.
    """

    def __init__(self, variable: str) -> None:
        self._mark = f"\0{variable}\0".encode()
        self._since = _ticks_since_boot()

    async def kill(self) -> None:
        """Kill the processes, in whatever group they are."""
        limit = time.monotonic() + _LIMIT_S
        while self._kill() and time.monotonic() < limit:
            await asyncio.sleep(_PAUSE_S)

    def _kill(self) -> bool:
        """Search once; return whether a process is starting and has no variables yet."""
        starting = False
        with contextlib.suppress(OSError):  # a system without /proc
            for name in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):  # the process has exited, or is another user's
                    folder = Path("/proc", name)
                    state = self._state_of_candidate((folder / "stat").read_bytes())
                    if state is None or int(name) == os.getpid():
                        continue
                    variables = (folder / "environ").read_bytes()
                    starting |= not variables and state in _BUSY  # a waiting process has started, without variables
                    if self._mark in b"\0" + variables:
                        os.kill(int(name), signal.SIGKILL)
        return starting

    def _state_of_candidate(self, stat: bytes) -> bytes | None:
        fields = stat.rpartition(b")")[2].split()  # from the third on; source: proc_pid_stat(5)
        state, flags, started = fields[0], int(fields[6]), int(fields[19])
        is_candidate = started >= self._since and state not in (b"Z", b"X") and not flags & _KERNEL_THREAD
        return state if is_candidate else None


def _ticks_since_boot() -> int:
    """Return the start time of a process that starts now; 0 on systems without start times."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0 if clock is None else int(time.clock_gettime(clock) * os.sysconf("SC_CLK_TCK"))
