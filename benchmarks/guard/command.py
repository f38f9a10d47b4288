"""The command `python -m benchmarks guard`: counts, compares, and prints the result."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from awslambdaric_lite.common.tables import Table

from ..build_cache import DEFAULT_BUILD, Unavailable, build_directory
from ..loadgen import RunFailed
from ..tables import check_drawing, show
from . import times
from .budget import DEFAULT, Budget, Verdict
from .counts import COUNTS, Count, Figures, by_name, counters
from .subject import Subject, subject

_DESCRIPTION = """
Count modules, system calls, allocations and instructions of a cold start and a warm invocation, which do not depend on
other load, and compare them with the checked-in budget. The exit code is 1 if one is exceeded. Times are printed only.
"""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    options = argparse.ArgumentParser(prog="python -m benchmarks guard", description=_DESCRIPTION)
    options.add_argument("--update", action="store_true", help="write the counts into the budget")
    options.add_argument(
        "--python",
        type=Path,
        action="append",
        metavar="PATH",
        help="interpreter (repeatable; default: the one that runs this command)",
    )
    options.add_argument("--count", action="append", choices=list(by_name()), help="count this only (repeatable)")
    options.add_argument("--no-times", action="store_true", help="do not measure times")
    options.add_argument(
        "--budget", type=Path, default=DEFAULT, metavar="FILE", help="budget file (default: benchmarks/budget.json)"
    )
    options.add_argument(
        "--package", type=Path, metavar="DIR", help="folder awslambdaric_lite to measure (default: the installed one)"
    )
    options.add_argument(
        "--build-dir", type=Path, default=DEFAULT_BUILD, metavar="DIR", help="build cache (default: benchmarks/.build)"
    )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status, 1 if a count exceeds its budget."""
    options = parser().parse_args(arguments)
    check_drawing()
    budget = Budget.load(options.budget)
    wanted = options.count or list(by_name())
    build_folder = build_directory(options.build_dir)
    exceeded: list[str] = []
    for python in options.python or [Path(sys.executable)]:
        try:
            guarded = subject(python, build_folder, options.package)
        except Unavailable as reason:
            raise SystemExit(f"benchmarks: {reason}") from reason
        try:
            exceeded += _guard(guarded, budget, wanted, options)
        except RunFailed as reason:
            raise SystemExit(f"benchmarks: the runtime fails on {guarded.python.description}: {reason}") from reason
        finally:
            shutil.rmtree(guarded.loadgen.scratch, ignore_errors=True)
    if options.update:
        budget.bands = budget.bands or dict(times.BANDS)
        budget.save(options.budget)
        print(f"\nguard: the budget is written to {options.budget.name}; review its diff")
        return 0
    if exceeded:
        print(f"\nguard: over budget: {'; '.join(exceeded)}", file=sys.stderr)
        cure = "find the change that costs this, or accept it with: python -m benchmarks guard --update"
        print(f"guard: {cure}", file=sys.stderr)
    return 1 if exceeded else 0


def _guard(guarded: Subject, budget: Budget, wanted: list[str], options: argparse.Namespace) -> list[str]:
    """Count on one interpreter, show the table, update the budget if asked; return what exceeds it."""
    measured, skipped = counted(guarded, wanted)
    build = guarded.build()
    table = compared(budget, guarded.version, build, measured, skipped)
    show([table])
    exceeded = [
        f"{by_name()[name].title}, on {guarded.version}"
        for name, (value, _) in measured.items()
        if budget.verdict(by_name()[name], guarded.version, build, value) is Verdict.EXCEEDED
    ]
    if options.update:
        budget.update(guarded.version, build, {name: value for name, (value, _) in measured.items()})
    if not options.no_times and not options.count:
        show_times(guarded, budget)
    print("")
    return exceeded


def counted(guarded: Subject, wanted: list[str]) -> tuple[Figures, dict[str, str]]:
    """Count; return the figures, and the reason for each count whose tool is missing.

    Raises:
        RunFailed: the runtime fails or responds wrongly.
    """
    measured: Figures = {}
    skipped: dict[str, str] = {}
    for names, count in counters().items():
        asked = [name for name in names if name in wanted]
        if not asked:
            continue
        try:
            found = count(guarded)
        except Unavailable as reason:
            skipped |= dict.fromkeys(asked, str(reason))
            continue
        measured |= {name: found[name] for name in asked}
    return measured, skipped


def compared(budget: Budget, version: str, build: str, measured: Figures, skipped: dict[str, str]) -> Table:
    """Return a table of budgets, counts, changes and verdicts."""
    table = Table(f"counts on {build}", ["count", "budget", "counted", "change", "", "made of"])
    for count in COUNTS:
        limit = budget.of(count, version, build)
        shown = "-" if limit is None else _figure(limit)
        if count.name in skipped:
            table.rows.append([count.title, shown, "-", "-", f"skipped: {skipped[count.name]}", ""])
        elif count.name in measured:
            value, detail = measured[count.name]
            verdict = budget.verdict(count, version, build, value)
            change = "-" if limit is None else _change(count, limit, value)
            table.rows.append([count.title, shown, _figure(value), change, verdict.value, detail])
    return table


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _change(count: Count, budget: float, value: float) -> str:
    if value == budget:
        return "0"
    share = f" ({(value - budget) / budget:+.2%})" if budget else ""
    room = f", allowed {count.tolerance:.1%}" if count.tolerance else ""
    return f"{value - budget:+,.0f}{share}{room}"


def show_times(guarded: Subject, budget: Budget) -> None:
    """Print the ratios of times, each with a remark."""
    try:
        ratios = times.ratios(guarded)
    except (RunFailed, Unavailable) as reason:
        print(f"times: skipped: {reason}")
        return
    bands = budget.bands or times.BANDS
    for measure, ratio in ratios.items():
        band = bands.get(measure, times.BANDS[measure])
        remark = f"above the usual {band:g}: measure with `python -m benchmarks run`" if ratio > band else "as usual"
        print(f"time: {measure} is {ratio:.2f} of the skeleton's; {remark} (never a failure)")
