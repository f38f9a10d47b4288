"""The number of instructions that a client executes: a figure that other load on the machine does not change.

`perf stat` counts them in user space where the processor allows it, else `valgrind --tool=callgrind`. callgrind sees
only the last program that a process executes, not the shell before an interpreter, and executes other variants of C
functions. Its figures differ a little, so the results name the tool.
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

_FEW, _MANY = 20, 220  # invocations of two runs; their difference has warm ones only


@functools.cache
def counter() -> str:
    """Return the tool that counts, `perf` or `callgrind`.

    Raises:
        Unavailable: neither works here.
    """
    if shutil.which("perf"):
        probe = subprocess.run(
            ["perf", "stat", "-x", ",", "-e", "instructions:u", "true"], capture_output=True, text=True, check=False
        )
        if probe.returncode == 0 and re.search(r"^\d+,", probe.stderr, re.MULTILINE):
            return "perf"
    if shutil.which("valgrind"):
        return "callgrind"
    raise Unavailable("perf cannot count instructions here; install valgrind")


@dataclass(frozen=True)
class Instructions:
    """A job of three processes: one ends at its first poll, two differ in the number of their invocations."""

    contenders: tuple[str, ...] = (f"lite{MANAGED}", f"{BASELINE}{MANAGED}", "lite", BASELINE, "skeleton", "c")
    every: int = 10
    rehearsed: bool = False
    disturbing: bool = False
    runs_per_round: int = 1
    name: str = "instructions"
    suite: str = "instructions"

    @property
    def measures(self) -> Collection[str]:
        """Return the names of the measures."""
        return ["instructions_init", "instructions_warm"]

    def prepare(self, bench: Bench) -> None:
        """Find a tool that counts.

        Raises:
            Unavailable: none works here.
        """
        counter()

    def suits(self, contender: Contender) -> bool:
        """Return True: all contenders have the handler."""
        return True

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the three processes.

        Raises:
            RunFailed: a process failed, or the tool counted nothing.
        """
        init = _count(bench, contender, None)
        few, many = (_count(bench, contender, invocations) for invocations in (_FEW, _MANY))
        return {"instructions_init": [init], "instructions_warm": [(many - few) / (_MANY - _FEW)]}


def _count(bench: Bench, contender: Contender, invocations: int | None) -> float:
    """Return the instructions of a process with a number of invocations; with None it ends at its first poll."""
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
    """Return the figure that the tool has written; with several processes their sum."""
    written = "\n".join(path.read_text(errors="replace") for path in output.parent.glob(f"{output.name}*"))
    pattern = r"^(\d+),.*instructions" if counter() == "perf" else r"^totals: (\d+)"
    figures = [int(figure) for figure in re.findall(pattern, written, re.MULTILINE)]
    if not figures:
        raise RunFailed(f"{counter()} counted nothing")
    return float(sum(figures))
