"""What the smaller suites share: the options of their command lines, and what becomes of their samples."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import machine
from .interpreter import Interpreter
from .results import Results
from .workshop import DEFAULT_BUILD


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Describe the command line of `python -m benchmarks.<name>`, but for options of its own."""
    options = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    options.add_argument("--python", type=Path, default=Path(sys.executable), metavar="PATH", help="run on this one")
    options.add_argument("--build-dir", type=Path, default=DEFAULT_BUILD, metavar="DIR", help="where all is built")
    options.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="keep the raw samples")
    return options


def collected(
    samples: dict[str, dict[str, list[float]]],
    rounds: int,
    python: Interpreter,
    neighbours: machine.Neighbours,
    output: Path | None,
) -> Results:
    """Describe the machine beside the samples, and keep them where that was asked for."""
    described = machine.describe(python, "left to the scheduler")
    described["cpu_used_by_others"] = f"{neighbours.share():.0%}"
    results = Results(described, samples, rounds=rounds)
    if output:
        results.save(output)
    return results
