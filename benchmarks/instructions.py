"""How many instructions a client executes: a figure that no neighbour on the machine disturbs.

Counted by `perf stat` in user space where the processor lets it, else by `valgrind --tool=callgrind`. The latter sees
the last program only that a process becomes, so not the shell before an interpreter; its figures are a little different
(it executes other variants of C functions), hence the tool is part of the measures' description in the results.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .build_cache import Unavailable
from .contenders import BASELINE, MANAGED, Contender
from .job import Bench, Samples
from .loadgen import RunFailed

_FEW, _MANY = 20, 220  # invocations of the two runs whose difference is that of warm ones


@functools.cache
def counter() -> str:
    """Return what counts here, `perf` or `callgrind`.

    Raises:
        Unavailable: neither is there.
    """
    if shutil.which("perf"):
        probe = subprocess.run(
            ["perf", "stat", "-x", ",", "-e", "instructions:u", "true"], capture_output=True, text=True, check=False
        )
        if probe.returncode == 0 and re.search(r"^\d+,", probe.stderr, re.MULTILINE):
            return "perf"
    if shutil.which("valgrind"):
        return "callgrind"
    raise Unavailable("neither does perf count instructions here, nor is valgrind installed")


@dataclass(frozen=True)
class Instructions:
    """The job: three processes, one up to the first poll, two that differ in the number of their invocations."""

    contenders: tuple[str, ...] = (f"lite{MANAGED}", f"{BASELINE}{MANAGED}", "lite", BASELINE, "skeleton", "c")
    every: int = 10
    rehearsed: bool = False
    runs_per_round: int = 1
    name: str = "instructions"
    suite: str = "instructions"

    @property
    def measures(self) -> Collection[str]:
        """Return the names of what it measures."""
        return ["instructions_init", "instructions_warm"]

    def prepare(self, bench: Bench) -> None:
        """Find out what counts.

        Raises:
            Unavailable: nothing does.
        """
        counter()

    def suits(self, contender: Contender) -> bool:
        """Whether it has the handler, as all have."""
        return True

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the three processes.

        Raises:
            RunFailed: one of them failed, or was not counted.
        """
        init = _count(bench, contender, None)
        few, many = (_count(bench, contender, invocations) for invocations in (_FEW, _MANY))
        return {"instructions_init": [init], "instructions_warm": [(many - few) / (_MANY - _FEW)]}


def _count(bench: Bench, contender: Contender, invocations: int | None) -> float:
    """Return the instructions of a process with so many invocations, None for one that ends when it polls."""
    application, (path, _) = bench.application("app"), bench.event("tiny")
    output = bench.loadgen.scratch / "instructions"
    for old in output.parent.glob(f"{output.name}*"):
        old.unlink()
    environment = {**bench.environment(contender, application, "hello"), "PYTHONHASHSEED": "0"}
    run = bench.loadgen.run(
        [*_prefix(output), *contender.command("hello")],
        environment,
        event=path,
        cwd=application.root,
        warmup=(invocations or 1) - 1,
        init_only=invocations is None,
        gentle=True,
        opt=contender.client.opt,
    )
    if run.figures["answers"] != (invocations or 0):
        raise RunFailed(f"{run.figures['answers']} invocations instead of {invocations}")
    return _read(output)


def _prefix(output: Path) -> list[str]:
    tool = shutil.which("perf" if counter() == "perf" else "valgrind")
    assert tool, "found by counter()"
    if counter() == "perf":
        return [tool, "stat", "-x", ",", "-e", "instructions:u", "-o", str(output), "--"]
    return [tool, "--tool=callgrind", "--vgdb=no", "--trace-children=yes", f"--callgrind-out-file={output}.%p"]


def _read(output: Path) -> float:
    """Return the figure that the counter has written; of several processes the sum."""
    written = "\n".join(path.read_text(errors="replace") for path in output.parent.glob(f"{output.name}*"))
    pattern = r"^(\d+),.*instructions" if counter() == "perf" else r"^totals: (\d+)"
    figures = [int(figure) for figure in re.findall(pattern, written, re.MULTILINE)]
    if not figures:
        raise RunFailed(f"{counter()} has counted nothing")
    return float(sum(figures))
