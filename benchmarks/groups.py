"""Control groups of both versions, which limit a process to the CPU share of a function's memory size.

Sources: cgroups(7); Documentation/scheduler/sched-bwc.rst and Documentation/admin-guide/cgroup-v2.rst of the kernel.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .build_cache import Unavailable

FULL_CPU_MB = 1769
"""Memory in MB with which a function has one whole CPU (AWS's documentation); below, its share is proportional."""
PERIOD = 20_000
"""Microseconds of a quota's period, as measured inside Lambda."""
LEAST_QUOTA = 1_000
"""Minimum quota of the kernel in microseconds."""


def quota(memory_mb: int) -> int:
    """Return the microseconds of CPU that a function of `memory_mb` gets in each period."""
    return max(LEAST_QUOTA, PERIOD * memory_mb // FULL_CPU_MB)


@dataclass(frozen=True)
class Limit:
    """A group of one process, and the file and the text that the load generator writes to limit it."""

    group: Path
    file: str
    text: str


@dataclass(frozen=True)
class Groups:
    """A place in which groups with a CPU quota can be made."""

    parent: Path
    version: int
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False, compare=False)

    @contextlib.contextmanager
    def limited(self, memory_mb: int) -> Iterator[Limit]:
        """Make a group without a limit, yield the limit to write, and remove the group afterwards.

        Raises:
            OSError: the group cannot be made.
        """
        group = self.parent / f"benchmark-{os.getpid()}-{next(self._numbers)}"
        group.mkdir()
        try:
            if self.version == 1:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD))
                yield Limit(group, "cpu.cfs_quota_us", str(quota(memory_mb)))
            else:
                yield Limit(group, "cpu.max", f"{quota(memory_mb)} {PERIOD}")
        finally:
            _remove(group)

    def probe(self) -> None:
        """Try to limit a process.

        Raises:
            OSError: the kernel refuses a step.
        """
        with self.limited(FULL_CPU_MB // 2) as limit:
            process = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
            with process:
                (limit.group / "cgroup.procs").write_text(str(process.pid))
                (limit.group / limit.file).write_text(limit.text)


def available() -> Groups:
    """Find a place where groups can be made, from this process's group upwards.

    Raises:
        Unavailable: no place allows it; the message has the reason of the most likely one.
    """
    reasons = []
    for groups in places(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()):
        try:
            groups.probe()
        except OSError as error:
            reasons.append(f"{groups.parent}: {error.strerror}")
        else:
            return groups
    reason = reasons[0] if reasons else "no cpu controller is mounted below /sys/fs/cgroup"
    raise Unavailable(f"the CPU share of a function cannot be set without the right to make control groups ({reason})")


def places(mounts: str, memberships: str) -> Iterator[Groups]:
    """Yield this process's group and those above it that can have children with a CPU quota."""
    own = {}  # path by controllers, as in /proc/self/cgroup; "" is version 2
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        own[controllers] = path
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        root, point = fields.split(" ")[3:5]
        if kind == "cgroup" and "cpu" in options.split(","):
            membership = next((path for names, path in own.items() if "cpu" in names.split(",")), "/")
            for place in _upwards(point, root, membership):
                yield Groups(place, 1)
        elif kind == "cgroup2":
            for place in _upwards(point, root, own.get("", "/")):
                with contextlib.suppress(OSError):
                    if "cpu" in (place / "cgroup.subtree_control").read_text().split():
                        yield Groups(place, 2)


def _upwards(point: str, root: str, membership: str) -> Iterator[Path]:
    # In a container the mount shows the subtree `root`, and this process's group may lie outside of it.
    inside = PurePosixPath(membership)
    with contextlib.suppress(ValueError):
        inside = PurePosixPath("/") / inside.relative_to(root)
    place = Path(point, str(inside).lstrip("/"))
    for folder in (place, *place.parents):
        if folder.is_dir() and folder.is_relative_to(point):
            yield folder


def _remove(group: Path) -> None:
    """Remove a group as soon as the kernel has removed its last process, a moment after the kill."""
    end = time.monotonic() + 5
    while True:
        try:
            group.rmdir()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.001)
