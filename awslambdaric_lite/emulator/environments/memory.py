"""The memory of a process and its descendants, and the enforcement of a limit.

It is read from `/proc`; a system without it has no figures and no limit. A control group is not used: a start is slower
in one, and few users may create one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

_INTERVAL_S = 0.05
_SECOND_LOOK_S = 0.01
_SHARE_OF_TIME = 0.05  # of the time may be spent on shared pages, because the kernel walks all of them
_KB = 1024


class GroupMemory:
    """A process and its descendants.

    The memory of a single process is its resident size, and its peak the kernel's high-water mark of that. (Not
    `ru_maxrss`: that of a child starts at its parent's size.) Forked processes share pages, so the memory of several is
    the sum of the kernel's proportional sizes.
    """

    def __init__(self, leader: int) -> None:
        self.peak_kb = 0
        """The most memory that was measured; it is never less than the leader's peak."""
        self.alone = True
        """Whether the last measurement found no descendants."""
        self._leader = leader
        self._looked_at_kb = 0
        self._look_again_at = 0.0

    @property
    def peak_mb(self) -> int:
        """The peak in whole MB, rounded up."""
        return -(-self.peak_kb // _KB)

    def measure_kb(self, *, afresh: bool = False) -> int:
        """Return the present memory; that of several processes may be slightly older, unless measured `afresh`."""
        peak, now = _sizes_kb(self._leader)
        pids = descendants(self._leader)
        self.alone = not pids
        if pids:
            now += sum(_sizes_kb(pid)[1] for pid in pids)
            if now > self.peak_kb:  # only then are the shared pages relevant
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
    """Return the children of a process, their children, and so on, if their parents still run."""
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
    """Return the peak and the present resident size of a process; zeros for one that has exited."""
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
    except OSError:  # the process has exited, or is another user's
        return b""


class MemoryWatch:
    """Watcher that measures a group regularly while it is not frozen, and reports when it exceeds a limit."""

    def __init__(self, memory: GroupMemory, limit_mb: int, on_exceeded: Callable[[], None]) -> None:
        self._memory = memory
        self._limit_kb = limit_mb * _KB
        self._on_exceeded = on_exceeded
        self._loop = asyncio.get_running_loop()
        self._running = False
        self._suspicious = False
        self._timer: asyncio.TimerHandle | None = None

    def go_on(self) -> None:
        """Start or continue to measure."""
        self._running = True
        if self._timer is None:
            self._timer = self._loop.call_later(_INTERVAL_S, self._look)

    def pause(self) -> None:
        """Pause the measurements; the timer stays, because most pauses are shorter."""
        self._running = False

    def close(self) -> None:
        """Stop the measurements."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()

    def exceeded(self) -> bool:
        """Measure; return and report whether the memory exceeds the limit."""
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
