"""`python -m benchmarks run`: measure, keep the samples, print the report."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from awslambdaric_lite.common.tables import Table

from . import instructions, interpreter, machine
from .build_cache import DEFAULT_BUILD, BuildCache, Unavailable, build_directory
from .contenders import Registry
from .job import Bench, Job
from .loadgen import PLACEMENTS, LoadGenerator
from .report import machine_lines, report_tables, set_up_table, target_table
from .results import Results
from .runner import Progress, Runner, Samples
from .scenarios import scenarios, suites
from .tables import check_drawing, show

# A quick run takes at most 90 s; this is the part for its rounds after the start and the first round.
QUICK_BUDGET = 70.0


def add_options(options: argparse.ArgumentParser) -> None:
    """Describe the options."""
    options.add_argument(
        "--quick", action="store_true", help="run fewer contenders and rounds; takes 90 s after the first build"
    )
    options.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="write the raw samples to this file")
    options.add_argument(
        "--suite",
        action="append",
        metavar="NAME",
        help=f"run this part of the suite only (repeatable): {', '.join(suites())}",
    )
    options.add_argument(
        "--contender", action="append", metavar="NAME", help="run this contender only (repeatable), e.g. lite@managed"
    )
    options.add_argument(
        "--measure", action="append", metavar="NAME", help="keep this measure only (repeatable), e.g. spawn_to_next"
    )
    options.add_argument("--rounds", type=int, metavar="N", help="number of rounds (default: 20, with --quick 10)")
    options.add_argument(
        "--python",
        type=Path,
        default=Path(sys.executable),
        metavar="PATH",
        help="interpreter of the Python contenders (default: the one that runs this command)",
    )
    options.add_argument(
        "--bare-interpreter",
        action=argparse.BooleanOptionalAction,
        help="copy the interpreter without its site-packages (default: where these contain .pth files)",
    )
    options.add_argument(
        "--placement", choices=PLACEMENTS, default="apart", help="CPUs of server and client (default: apart)"
    )
    options.add_argument(
        "--tree",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="add a contender NAME from another source tree of this project (repeatable)",
    )
    options.add_argument(
        "--build-dir", type=Path, default=DEFAULT_BUILD, metavar="DIR", help="build cache (default: benchmarks/.build)"
    )


def run_command(options: argparse.Namespace) -> int:
    """Measure, keep the samples and print the report; return the exit status."""
    check_drawing()
    started = time.monotonic()
    jobs, trees = chosen(options), _trees(options.tree)
    if options.rounds is not None and options.rounds < 1:
        raise SystemExit(f"benchmarks: --rounds {options.rounds} is below the minimum of 1")
    build = build_directory(options.build_dir)
    python = interpreter.prepare(options.python, build, options.bare_interpreter)
    cache = BuildCache(build, python)
    try:
        loadgen = LoadGenerator.built(build, options.placement)
    except Unavailable as reason:
        raise SystemExit(f"benchmarks: {reason}") from reason
    runner = Runner(Bench(cache, loadgen), Registry(cache, trees), Samples(options.measure))
    try:
        with progress_bar() as progress:
            runner.prepare(jobs, progress)
        for name, missing in runner.skipped.items():
            print(f"skipped: {name}: {missing}", file=sys.stderr)
        background = machine.BackgroundLoad()
        with progress_bar() as progress:
            budget = QUICK_BUDGET if options.quick and not options.rounds else None
            rounds = runner.run(options.rounds or (10 if options.quick else 20), budget=budget, progress=progress)
        imports = {} if options.quick or options.measure or options.suite else _imports(runner)
    finally:
        runner.close()
    described = machine.describe(python, options.placement)
    described["cpu_used_by_others"] = f"{background.share():.0%}"
    samples = runner.samples
    if any("instructions_init" in measures for measures in samples.values.values()):
        described["instructions_counted_by"] = instructions.counter()
    results = Results(described, samples.values, samples.per_run, runner.skipped, rounds, imports)
    if options.output:
        results.save(options.output)
    show(_tables(results, options))
    print("", *machine_lines(results), f"{time.monotonic() - started:.0f} s", sep="\n")
    return 0 if results.samples else 1


def _tables(results: Results, options: argparse.Namespace) -> list[Table]:
    """Return the report, or for a part of the suite the tables of that part with its targets."""
    if not (options.suite or options.measure or options.contender):
        return report_tables([results])
    aims = target_table(results)
    aims.rows = [row for row in aims.rows if row[-1] != "not measured"]
    found = report_tables([results], results.measures())
    return found + [table for table in (set_up_table(results), aims) if table.rows]


def chosen(options: argparse.Namespace) -> list[Job]:
    """Return the jobs that the options select, each with its contenders.

    Raises:
        SystemExit: a suite or a measure is unknown; the message names the known ones.
    """
    every_measure = [measure for job in scenarios(quick=False) for measure in job.measures]
    _refuse_unknown("suite", options.suite, suites())
    _refuse_unknown("measure", options.measure, every_measure)
    found = []
    for job in scenarios(options.quick):
        if options.suite and job.suite not in options.suite:
            continue
        if options.measure and not set(options.measure).intersection(job.measures):
            continue
        names = tuple(options.contender or job.contenders)
        names += tuple(name for name in _trees(options.tree) if name not in names)
        found.append(replace(job, contenders=names))  # type: ignore[type-var]
    if not found:
        wanted = ", ".join([*(options.suite or ()), *(options.measure or ())])
        raise SystemExit(f"benchmarks: no job for {wanted} in a quick run; leave --quick out")
    return found


def _refuse_unknown(what: str, wanted: Sequence[str] | None, known: Sequence[str]) -> None:
    for name in wanted or ():
        if name not in known:
            raise SystemExit(f"benchmarks: unknown {what} {name}; choose one of: {', '.join(dict.fromkeys(known))}")


def _trees(options: Sequence[str]) -> dict[str, Path]:
    found = {}
    for option in options:
        name, _, path = option.partition("=")
        if not name or not Path(path).is_dir():
            raise SystemExit(f"benchmarks: --tree {option} is not NAME=DIR with a folder that exists")
        found[name] = Path(path).resolve()
    return found


def _imports(runner: Runner) -> dict[str, object]:
    from .imports import CONTENDERS as IMPORTS_OF
    from .imports import import_trees

    contenders = [runner.registry.contender(name) for name in IMPORTS_OF if name not in runner.skipped]
    return import_trees(contenders, runner.bench.application("app").root)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show the current job: a bar on a terminal if rich is installed, else nothing."""
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ImportError:
        yield lambda what, done, total: None
        return
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)
