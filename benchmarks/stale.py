"""Bytecode that looks stale, `python -m benchmarks.stale`: a handler that imports boto3, until its first poll."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import interpreter, machine, suite
from .contenders import BASELINE, Contender, Registry
from .managed import PollCounter
from .report import figure
from .results import Results
from .runner import ENVIRONMENT
from .stats import ratio
from .tables import Table, show
from .workshop import HERE, Unavailable, Workshop, build_directory, run

APP = HERE / "contenders" / "managed_app" / "app.py"
RESET = 315532800  # 1980-01-01, what zip files and build tools put in the place of a date
MEASURES = {"stale": "stale_spawn_to_next", "good": "good_spawn_to_next"}
LIMITS = {"stale": 0.5, "good": 1.0}  # of the official client's figure


@dataclass(frozen=True)
class Setup:
    """A contender and the variables that make it this one."""

    name: str
    contender: Contender
    environment: dict[str, str]


def packages(workshop: Workshop, kind: str) -> Path:
    """Install boto3 beside the handler as pip does; `stale` has the dates that a packager leaves.

    Raises:
        Unavailable: pip cannot install it.
    """

    def make(fresh: Path) -> None:
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", workshop.python.base]
        run([*pip, "install", "-q", "--target", fresh, "boto3"], "boto3")
        shutil.copy(APP, fresh)
        for path in fresh.rglob("*"):
            if kind == "stale" and not path.is_dir():
                os.utime(path, (RESET, RESET))

    return workshop.once(f"{workshop.python.tag}/packages-{kind}", make)


def spawn_to_next(setup: Setup, root: Path) -> float:
    """Start a function and return the seconds until it polls.

    Raises:
        Unavailable: it does not.
    """
    with PollCounter() as api:
        environment = {
            **ENVIRONMENT,
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "LAMBDA_TASK_ROOT": str(root),
            "_HANDLER": "app.hello",
            "PYTHONDONTWRITEBYTECODE": "1",  # the task root is read-only on Lambda
            **setup.contender.client.environment,
            **setup.contender.environment,
            **setup.environment,
        }
        started = time.perf_counter()
        process = subprocess.Popen(
            setup.contender.command("hello"),
            env=environment,
            cwd=root,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            api.wait_for(1)
            return time.perf_counter() - started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def table(results: Results, kind: str) -> Table:
    """Compare the contenders on one kind of bytecode."""
    measure = MEASURES[kind]
    found = Table(measure, ["contender", "median", f"of {BASELINE} [95 %]", "at most", "n"])
    theirs = results.of(BASELINE, measure)
    for name in results.contenders(measure):
        ours = results.of(name, measure)
        compared = "1" if name == BASELINE else str(ratio(ours, theirs))
        limit = f"{LIMITS[kind]:.2f}" if name == "lite" else ""
        found.rows.append([name, figure(measure, statistics.median(ours)), compared, limit, str(len(ours))])
    return found


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    options = suite.parser("stale", __doc__)
    options.add_argument("--rounds", type=int, default=10, metavar="N", help="how often each is run (default 10)")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure, interleaved, a first round not counted; print the tables."""
    options = parser().parse_args(arguments)
    workshop = Workshop(
        build := build_directory(options.build_dir), python := interpreter.prepare(options.python, build)
    )
    samples: dict[str, dict[str, list[float]]] = {}
    neighbours = machine.Neighbours()
    try:
        registry = Registry(workshop)
        lite, official = registry.contender("lite"), registry.contender(BASELINE)
        setups = [
            Setup("lite", lite, {}),
            Setup("lite, off", lite, {"AWSLAMBDARIC_LITE_STALE_PYC": "off"}),
            Setup(BASELINE, official, {}),
        ]
        roots = {kind: packages(workshop, kind) for kind in MEASURES}
        for number in range(options.rounds + 1):
            for kind, root in roots.items():
                for setup in setups:
                    seconds = spawn_to_next(setup, root)
                    if number:
                        samples.setdefault(setup.name, {}).setdefault(MEASURES[kind], []).append(seconds)
    except Unavailable as reason:
        raise SystemExit(f"benchmarks: {reason}") from reason
    results = suite.collected(samples, options.rounds, python, neighbours, options.output)
    show([table(results, kind) for kind in MEASURES])
    return 0


if __name__ == "__main__":
    sys.exit(main())
