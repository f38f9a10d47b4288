"""The samples of a soak run: memory, descriptors, CPU time and latency of a process, and the limits of their growth."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from awslambdaric_lite.common.files import write_whole

PARTS = 100
"""A run is sampled after each hundredth of its invocations."""
MOST_MEMORY, MOST_CPU = 1.05, 1.10
"""The most that the last tenth may use of what the second tenth uses; the first one warms up."""


@dataclass(frozen=True)
class Sample:
    """A process after some invocations.

    Attributes:
        memory: bytes of pages that the process has alone; what it shares depends on other processes.
        cpu_s: CPU time of an invocation of this part, in seconds.
        latency_s: the median of the invocations of this part, in seconds.
    """

    invocations: int
    memory: int
    descriptors: int
    cpu_s: float
    latency_s: float


@dataclass
class Soak:
    """The samples of one process, and what its run counted."""

    machine: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def growth(self) -> dict[str, float]:
        """Return what the last tenth uses of what the second tenth uses, for memory, descriptors and CPU time."""
        second, last = self.samples[PARTS // 10 : PARTS // 5], self.samples[-PARTS // 10 :]
        found = {}
        for name in ("memory", "descriptors", "cpu_s"):
            before, after = (sum(getattr(sample, name) for sample in part) for part in (second, last))
            found[name] = after / before if before else 1.0  # a short run uses no tick of the CPU clock
        return found

    def exceeded(self) -> list[str]:
        """Return what grew by more than it may, and the problems that the run met."""
        limits = {"memory": MOST_MEMORY, "descriptors": MOST_MEMORY, "cpu_s": MOST_CPU}
        found = [
            f"{name}: the last tenth uses {value:.3f} of the second; the limit is {limits[name]:.2f}"
            for name, value in self.growth().items()
            if value > limits[name]
        ]
        return found + self.problems

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=1).encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> Soak:
        """Read a file that `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["samples"] = [Sample(**sample) for sample in fields["samples"]]
        return cls(**fields)


class Sampler:
    """Takes the samples of one process."""

    def __init__(self, pid: int, soak: Soak) -> None:
        self._folder = Path(f"/proc/{pid}")
        self._soak = soak
        self._latencies: list[float] = []
        self._cpu = self._cpu_time()

    def add(self, latency_s: float) -> None:
        """Record how long an invocation took."""
        self._latencies.append(latency_s)

    def take(self, invocations: int, in_part: int) -> None:
        """Add a sample after some invocations, of which `in_part` came after the previous sample."""
        cpu = self._cpu_time()
        latency = median(self._latencies) if self._latencies else 0.0
        self._soak.samples.append(
            Sample(invocations, self._memory(), self._descriptors(), (cpu - self._cpu) / max(in_part, 1), latency)
        )
        self._cpu = cpu
        self._latencies.clear()

    def _cpu_time(self) -> float:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()  # proc(5): utime, stime
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _memory(self) -> int:
        lines = (self._folder / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:"))

    def _descriptors(self) -> int:
        return len(os.listdir(self._folder / "fd"))
