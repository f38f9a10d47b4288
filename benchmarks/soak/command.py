"""The command `python -m benchmarks soak`: runs, judges, stores the samples and draws them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from awslambdaric_lite.bench.machine import describe_machine
from awslambdaric_lite.common.tables import Table

from ..results import save_text
from ..tables import show
from . import local, runtime
from .samples import PARTS, Soak

_DESCRIPTION = """
Invoke one process many times, with events of mixed sizes, errors, streams and coroutines, or with --local the local
Lambda through Invoke, its function URL and its queue, with crashes, timeouts and floods of output. The exit code is 1
if memory or descriptors of the last tenth are more than 1.05 of those of the second, CPU time more than 1.10, or if an
answer is wrong, lost or doubled. Latency is drawn only.
"""
_MOST_INVOCATIONS = 1_000_000
_MOST_LOCAL = 100_000


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    options = argparse.ArgumentParser(prog="python -m benchmarks soak", description=_DESCRIPTION)
    options.add_argument("--local", action="store_true", help="test the local Lambda instead of the runtime")
    options.add_argument(
        "--count",
        type=int,
        metavar="N",
        help=f"number of invocations, at least {PARTS} (default: {_MOST_INVOCATIONS}, with --local {_MOST_LOCAL})",
    )
    options.add_argument("--runtime", metavar="CMD", help="command of another runtime, before the handler's name")
    options.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="store the samples")
    options.add_argument("--chart", type=Path, metavar="CHART.svg", help="draw the samples")
    options.add_argument(
        "--from", dest="source", type=Path, metavar="FILE.json", help="read stored samples, run nothing"
    )
    return options


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    command = parser()
    options = command.parse_args(arguments)
    if options.count is not None and options.count < PARTS:
        command.error(f"--count {options.count} is too small; give at least {PARTS}")
    if options.local and options.runtime:
        command.error("--runtime is for a run without --local; leave one of them out")
    if options.source:
        try:
            soak = Soak.load(options.source)
        except (OSError, ValueError, TypeError, KeyError) as error:
            command.error(f"{options.source} is not a file of samples: {error}; write one with -o")
    else:
        soak = Soak({"python": sys.version.split()[0], **describe_machine()})
        if options.local:
            local.run(soak, options.count or _MOST_LOCAL)
        else:
            given = options.runtime.split() if options.runtime else runtime.DEFAULT
            runtime.run(soak, options.count or _MOST_INVOCATIONS, given)
    if options.output:
        soak.save(options.output)
    if len(soak.samples) < PARTS:
        print(*soak.problems, sep="\n", file=sys.stderr)
        return 1
    if options.chart:
        from .chart import picture

        save_text(options.chart, picture(soak))
    show([_table(soak)])
    exceeded = soak.exceeded()
    print(*exceeded, sep="\n", file=sys.stderr)
    return 1 if exceeded else 0


def _table(soak: Soak) -> Table:
    growth = soak.growth()
    first, last = soak.samples[PARTS // 10], soak.samples[-1]
    rows = [
        ["memory", f"{first.memory / 1e6:.2f} MB", f"{last.memory / 1e6:.2f} MB", f"{growth['memory']:.3f}"],
        ["descriptors", str(first.descriptors), str(last.descriptors), f"{growth['descriptors']:.3f}"],
        ["CPU time", f"{first.cpu_s * 1e6:.1f} µs", f"{last.cpu_s * 1e6:.1f} µs", f"{growth['cpu_s']:.3f}"],
    ]
    counted = ", ".join(f"{name} {count}" for name, count in sorted(soak.counts.items()))
    title = f"{last.invocations} invocations: {counted}"
    return Table(title, ["", "after a tenth", "at the end", "last tenth / second tenth"], rows)
