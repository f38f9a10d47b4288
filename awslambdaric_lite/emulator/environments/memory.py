"""How much memory a process and its descendants have, and a watch over it.

By looking, not by a control group: moving a process into one takes some 10 ms of its start (measured), and few users
may. Everything is read from `/proc`; on a system without one nothing is known, and nothing is enforced.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

_INTERVAL_S = 0.05
_SECOND_LOOK_S = 0.01
_SHARE_OF_TIME = 0.05  # that may go into looking at shared pages, for which the kernel walks all of them
_KB = 1024


class GroupMemory:
    """A process and its descendants.

    The memory of a single process is its resident size, and its peak the kernel's high-water mark of that. (Not
    `ru_maxrss`: that of a child starts with what its parent had.) Forked processes share pages, so that several have
    together what the kernel calls their proportional sizes.
    """

    def __init__(self, leader: int) -> None:
        self.peak_kb = 0
        """The most memory that was ever seen; the leader's own peak is never missed."""
        self.alone = True
        """Whether it had no descendants when it was looked at."""
        self._leader = leader
        self._looked_at_kb = 0
        self._look_again_at = 0.0

    @property
    def peak_mb(self) -> int:
        """The same in whole MB, rounded up."""
        return -(-self.peak_kb // _KB)

    def measure_kb(self, *, afresh: bool = False) -> int:
        """The memory at this moment; of several processes it may be that of a moment ago, unless measured `afresh`."""
        peak, now = _sizes_kb(self._leader)
        pids = descendants(self._leader)
        self.alone = not pids
        if pids:
            now += sum(_sizes_kb(pid)[1] for pid in pids)
            if now > self.peak_kb:  # only then do the shared pages matter
                now = self._proportional_kb(pids, afresh)
        self.peak_kb = max(self.peak_kb, peak, now)
        return now

    def _proportional_kb(self, pids: list[int], afresh: bool) -> int:
        began = time.monotonic()
        if afresh or began >= self._look_again_at:
            self._looked_at_kb = sum(_proportional_kb(pid) for pid in (self._leader, *pids))
            ended = time.monotonic()
            self._look_again_at = ended + (ended - began) / _SHARE_OF_TIME
        return self._looked_at_kb


def descendants(pid: int) -> list[int]:
    """The children of a process, their children, and so on, as far as their parents live."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        for child in _read(f"/proc/{pid}/task/{thread}/children").split():
            found += [int(child), *descendants(int(child))]
    return found


def _sizes_kb(pid: int) -> tuple[int, int]:
    """The largest resident size that a process ever had, and the present one; zeros for one that has ended."""
    status = _read(f"/proc/{pid}/status")
    return _field(status, b"\nVmHWM:"), _field(status, b"\nVmRSS:")


def _proportional_kb(pid: int) -> int:
    return _field(_read(f"/proc/{pid}/smaps_rollup"), b"\nPss:")


def _field(text: bytes, name: bytes) -> int:
    _, found, rest = text.partition(name)
    return int(rest.split(None, 1)[0]) if found else 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:  # it has ended, or is another user's
        return b""


class MemoryWatch:
    """Looks at the memory of a group now and then while that may run, and tells when it is beyond a limit."""

    def __init__(self, memory: GroupMemory, limit_mb: int, on_exceeded: Callable[[], None]) -> None:
        self._memory = memory
        self._limit_kb = limit_mb * _KB
        self._on_exceeded = on_exceeded
        self._loop = asyncio.get_running_loop()
        self._running = False
        self._suspicious = False
        self._timer: asyncio.TimerHandle | None = None

    def go_on(self) -> None:
        """Look from now on."""
        self._running = True
        if self._timer is None:
            self._timer = self._loop.call_later(_INTERVAL_S, self._look)

    def pause(self) -> None:
        """Do not look for now. The timer stays: most pauses are shorter."""
        self._running = False

    def close(self) -> None:
        """Do not look any more."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()

    def exceeded(self) -> bool:
        """Look now, and return whether it is beyond the limit, which is told, too."""
        if self._memory.measure_kb(afresh=self._suspicious) <= self._limit_kb:
            self._suspicious = False
            return False
        if not self._memory.alone and not self._suspicious:
            self._suspicious = True  # a child that has not yet executed its program may have its parent's memory
            return False
        self.close()
        self._on_exceeded()
        return True

    def _look(self) -> None:
        self._timer = None
        if self._running and not self.exceeded():
            self._timer = self._loop.call_later(_SECOND_LOOK_S if self._suspicious else _INTERVAL_S, self._look)
