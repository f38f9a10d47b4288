"""A description of the machine that measured, without names of the machine or of anything on it."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from awslambdaric_lite.bench.machine import describe_machine

from .interpreter import Interpreter


def describe(python: Interpreter, placement: str) -> dict[str, str | int]:
    """Return the description that goes into the results."""
    return {
        "python": python.description,
        **describe_machine(),
        "memory_mb": _memory_mb(),
        "placement": placement,
    }


class BackgroundLoad:
    """The CPU time since construction that other processes used or that a hypervisor took."""

    def __init__(self) -> None:
        self._others, self._total = self._clocks()

    def share(self) -> float:
        """Return the background load as a share of all CPU time, 0 to 1."""
        others, total = self._clocks()
        return max(0.0, others - self._others) / max(total - self._total, 0.01)

    @staticmethod
    def _clocks() -> tuple[float, float]:
        try:
            ticks = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        except OSError:
            return 0.0, 0.0
        seconds = [value / os.sysconf("SC_CLK_TCK") for value in ticks]
        # user, nice, system, idle, waiting, interrupts (two kinds), stolen
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        return sum(seconds) - seconds[3] - seconds[4] - own, sum(seconds)


def _memory_mb() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)
