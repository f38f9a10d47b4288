"""The command line: `python -m benchmarks run | report | compare`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from . import interpreter, machine
from .contenders import Registry
from .loadgen import PLACEMENTS, LoadGenerator
from .report import compare_tables, headline, machine_lines, report_tables, summary_table, target_table
from .results import Results
from .runner import Progress, Runner
from .scenarios import Scenario, scenarios
from .tables import put_between_marks, show
from .workshop import DEFAULT_BUILD, Unavailable, Workshop, build_directory

# What a quick run may take in all is 90 s; this is left for its rounds after the start and the first one.
QUICK_BUDGET = 72.0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure, and print the report")
    run.add_argument("--quick", action="store_true", help="fewer contenders and rounds; 90 s once all is built")
    run.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="keep the raw samples")
    run.add_argument("--contender", action="append", metavar="NAME", help="only these (repeatable), e.g. lite@managed")
    run.add_argument("--measure", action="append", metavar="NAME", help="only these (repeatable), e.g. spawn_to_next")
    run.add_argument("--rounds", type=int, metavar="N", help="how often everything is run (default 20, quick 10)")
    run.add_argument("--python", type=Path, default=Path(sys.executable), metavar="PATH", help="run them on this one")
    run.add_argument(
        "--bare-interpreter",
        action=argparse.BooleanOptionalAction,
        help="copy the interpreter without its site-packages (default: where these contain .pth files)",
    )
    run.add_argument("--placement", choices=PLACEMENTS, default="apart", help="CPUs of server and client")
    run.add_argument("--tree", action="append", default=[], metavar="NAME=DIR", help="add another tree of ours")
    run.add_argument("--build-dir", type=Path, default=DEFAULT_BUILD, metavar="DIR", help="where all is built")
    report = commands.add_parser("report", help="print the tables of a run")
    report.add_argument("file", type=Path, metavar="FILE.json")
    report.add_argument("--measure", action="append", metavar="NAME", help="only these (repeatable)")
    report.add_argument("--markdown", action="store_true", help="as Markdown")
    report.add_argument("--summary", action="store_true", help="only the medians side by side and the targets")
    report.add_argument("--headline", action="store_true", help="only one sentence, as Markdown")
    report.add_argument("--into", type=Path, metavar="FILE.md", help="put the Markdown between the marks of this file")
    compare = commands.add_parser("compare", help="print how one run differs from another")
    compare.add_argument("a", type=Path, metavar="A.json")
    compare.add_argument("b", type=Path, metavar="B.json")
    compare.add_argument("--markdown", action="store_true", help="as Markdown")
    return top


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show what runs: a bar on a terminal where rich is installed, else nothing."""
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ImportError:
        yield lambda what, done, total: None
        return
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


def chosen(options: argparse.Namespace) -> list[Scenario]:
    """Return the scenarios that the options ask for, each with its contenders."""
    found = []
    for scenario in scenarios(options.quick):
        measures = {m: v for m, v in scenario.measures.items() if not options.measure or m in options.measure}
        names = tuple(options.contender or scenario.contenders)
        names += tuple(t.partition("=")[0] for t in options.tree if t.partition("=")[0] not in names)
        if measures:
            found.append(replace(scenario, measures=measures, contenders=names))
    if not found:
        every = ", ".join(m for s in scenarios(False) for m in s.measures)
        raise SystemExit(f"benchmarks: no such measure; there are {every}")
    return found


def run_command(options: argparse.Namespace) -> int:
    """Measure."""
    started = time.monotonic()
    build = build_directory(options.build_dir)
    python = interpreter.prepare(options.python, build, options.bare_interpreter)
    workshop = Workshop(build, python)
    trees = {name: Path(path).resolve() for name, _, path in (tree.partition("=") for tree in options.tree)}
    try:
        loadgen = LoadGenerator.built(build, options.placement)
    except Unavailable as reason:
        raise SystemExit(f"benchmarks: {reason}") from reason
    runner = Runner(workshop, loadgen, Registry(workshop, trees))
    try:
        plan = chosen(options)
        runner.prepare(name for scenario in plan for name in scenario.contenders)
        for name, missing in runner.skipped.items():
            print(f"skipped: {name}: {missing}", file=sys.stderr)
        rounds = options.rounds or (10 if options.quick else 20)
        neighbours = machine.Neighbours()
        with progress_bar() as progress:
            budget = QUICK_BUDGET if options.quick and not options.rounds else None
            rounds = runner.run(plan, rounds, budget=budget, progress=progress)
    finally:
        runner.close()
    described = machine.describe(python, options.placement)
    described["cpu_used_by_others"] = f"{neighbours.share():.0%}"
    samples = runner.samples
    results = Results(described, samples.values, samples.per_run, runner.skipped, rounds)
    if options.output:
        results.save(options.output)
    show(report_tables(results, options.measure))
    print("", *machine_lines(results), f"{time.monotonic() - started:.0f} s", sep="\n")
    return 0 if results.samples else 1


def report_command(options: argparse.Namespace) -> int:
    """Print the tables of a run, or put them into a file."""
    results = Results.load(options.file)
    tables = report_tables(results, options.measure)
    if options.summary:
        tables = [summary_table(results), target_table(results)]
    if options.headline and not options.into:
        print(headline(results))
        return 0
    if options.into:
        text = "\n\n".join([*(table.markdown() for table in tables), *machine_lines(results)])
        if options.headline:
            text = headline(results)
        put_between_marks(options.into, text)
        return 0
    show(tables, markdown=options.markdown)
    print("", *machine_lines(results), sep="\n")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    options = parser().parse_args(arguments)
    if options.command == "run":
        return run_command(options)
    if options.command == "report":
        return report_command(options)
    a, b = Results.load(options.a), Results.load(options.b)
    show(compare_tables(a, b, (options.a.stem, options.b.stem)), markdown=options.markdown)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("benchmarks: stopped")
    except BrokenPipeError:  # `| head` has seen enough; nothing may be flushed into the pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
