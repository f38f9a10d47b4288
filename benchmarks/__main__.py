"""The command line: `python -m benchmarks run | report | compare | aws | guard | soak`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .report import compare_tables, headline, machine_lines, report_tables
from .results import Results, by_python, save_text
from .run import add_options as add_run_options
from .run import run_command
from .tables import put_between_marks, show, to_markdown


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure, and print the report")
    add_run_options(run)
    report = commands.add_parser("report", help="print the tables of a run, or write its page")
    report.add_argument(
        "files", type=Path, nargs="+", metavar="FILE.json", help="results of a run, and of runs of other suites to add"
    )
    report.add_argument(
        "-o", "--output", type=Path, metavar="PAGE.html", help="write tables and charts as an HTML page"
    )
    report.add_argument("--chart", type=Path, metavar="CHART.svg", help="write a chart of the cold starts as SVG")
    report.add_argument("--measure", action="append", metavar="NAME", help="print this measure only (repeatable)")
    report.add_argument("--markdown", action="store_true", help="print Markdown")
    report.add_argument("--summary", action="store_true", help="print the medians and the targets only")
    report.add_argument("--headline", action="store_true", help="print only the summary for a README, as Markdown")
    report.add_argument(
        "--prefer-last",
        action="store_true",
        help="of a measure that several runs of one Python have, show that of the last file (default: an error)",
    )
    report.add_argument("--into", type=Path, metavar="FILE.md", help="replace the figures between the marks of a file")
    compare = commands.add_parser("compare", help="print the differences of two runs")
    compare.add_argument("a", type=Path, metavar="A.json", help="results of a run")
    compare.add_argument("b", type=Path, metavar="B.json", help="results of another run, compared with A.json")
    compare.add_argument("--markdown", action="store_true", help="print Markdown")
    commands.add_parser("aws", help="measure cold starts on AWS; see aws --help")
    commands.add_parser("guard", help="compare counts with the budget; see guard --help")
    commands.add_parser("soak", help="invoke one process a million times; see soak --help")
    return top


def report_command(options: argparse.Namespace) -> int:
    """Print the tables of a run, or write a page, a chart or a part of another file."""
    runs = loaded(options.files)
    groups = by_python(runs, prefer_last=options.prefer_last)
    known = list(dict.fromkeys(measure for group in groups for measure in group.measures()))
    unknown = [measure for measure in options.measure or () if measure not in known]
    if unknown:
        raise SystemExit(f"benchmarks: this run has no {unknown[0]}; choose one of: {', '.join(known)}")
    if options.output or options.chart:
        draw(groups, runs, options)
        if not options.into:
            return 0
    tables = report_tables(groups, options.measure, summary=options.summary)
    if options.headline and not options.into:
        print(headline(*groups))
        return 0
    described = [line for run in runs.values() for line in machine_lines(run)]
    if options.into:
        text = "\n\n".join([*map(to_markdown, tables), *described])
        if options.headline:
            text = headline(*groups)
        put_between_marks(options.into, text)
        return 0
    show(tables, markdown=options.markdown)
    print("", *described, sep="\n")
    return 0


def loaded(files: list[Path]) -> dict[str, Results]:
    """Read results by the names of their files.

    Raises:
        SystemExit: a file is repeated or is not a result.
    """
    names = [file.name for file in files]
    runs: dict[str, Results] = {}
    for file in files:
        name = file.name if names.count(file.name) == 1 else str(file)
        if name in runs:
            raise SystemExit(f"benchmarks: {file} appears twice; name each file once")
        runs[name] = Results.load(file)
    return runs


def draw(groups: Sequence[Results], runs: Mapping[str, Results], options: argparse.Namespace) -> None:
    """Write the page and the chart that the options name.

    Raises:
        SystemExit: pygal is not installed, or a file would replace an input.
    """
    try:
        from .page import cold_start_picture, render_page
    except ImportError as error:
        cure = "pip install -e '.[bench]'"
        raise SystemExit(f"benchmarks: {error.name} is not installed, and the page needs it; `{cure}`") from error
    read = {file.resolve() for file in options.files}
    wanted: list[tuple[Path | None, Callable[[], str]]] = [
        (options.output, lambda: render_page(runs, prefer_last=options.prefer_last)),
        (options.chart, lambda: cold_start_picture(groups[0])),
    ]
    for path, make in wanted:
        if path and path.resolve() in read:
            raise SystemExit(f"benchmarks: {path} is an input; name another file to write")
        if path:
            save_text(path, make())
            print(path)


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["aws"]:  # these three have separate parsers
        from .aws import main as aws

        return aws(arguments[1:])
    if arguments[:1] == ["guard"]:
        from .guard import main as guard

        return guard(arguments[1:])
    if arguments[:1] == ["soak"]:
        from .soak import main as soak

        return soak(arguments[1:])
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
    except BrokenPipeError:  # `| head` has closed the pipe; nothing may be flushed into it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
