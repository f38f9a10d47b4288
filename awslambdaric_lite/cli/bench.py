"""`awslambdaric-lite bench`: cold start, warm invocations and memory of a function, beside awslambdaric."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from ..common.tables import require_rich
from ..packaging.archive import check_output, write_text_file
from ..packaging.errors import PackagingError
from .errors import UsageError

if TYPE_CHECKING:
    from ..bench.budgets import Budget
    from .bench_report import BenchReport

HELP = """Measure the function here, in both runtimes by turns, each run in a fresh process: the cold start (from the
start of the process to the first response, which is what a caller waits for), warm invocations, CPU time and memory.
First the answers of both are compared; where they differ, that is said, and only this runtime is measured. The exit
code is 0, or 1 if a budget is exceeded or the function fails."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("handler", metavar="HANDLER", help="module.function, such as app.handler")
    parser.add_argument(
        "--event",
        metavar="FILE",
        action="append",
        default=[],
        help="a JSON file, or - for standard input (default: the event {}); repeatable: sent by turns, the first first",
    )
    parser.add_argument("--task-root", metavar="DIR", default=".", help="the function's folder (default: this one)")
    parser.add_argument("--env", metavar="K=V", action="append", default=[], help="an environment variable; repeatable")
    parser.add_argument(
        "--env-file", metavar="FILE", action="append", default=[], help="lines of K=V; --env wins; repeatable"
    )
    parser.add_argument("--aws", action="store_true", help="pass your AWS credentials on (default: worthless ones)")

    how = parser.add_argument_group("the measuring")
    how.add_argument(
        "--against",
        metavar="WHAT",
        default="awslambdaric",
        help="awslambdaric, none, or the command of any other runtime, run in the task root; {handler} in it stands "
        "for HANDLER (default: awslambdaric)",
    )
    how.add_argument("--python", metavar="PATH", help="the interpreter of both (default: this one)")
    how.add_argument("--rounds", metavar="N", type=_number, default=20, help="processes of each (default: 20)")
    how.add_argument(
        "--invocations",
        metavar="N",
        type=_number,
        help="warm invocations of each process, after its first one (default: as many as half a second takes, 5 to "
        "100, but each event once; with 100 there is a p99)",
    )
    how.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=30.0,
        help="seconds that an init or an invocation may take (default: 30)",
    )

    budgets = parser.add_argument_group("budgets", "For this runtime's medians; exceeding one makes the exit code 1.")
    budgets.add_argument("--budget", metavar="TIME", help="of the cold start, such as 150ms")
    budgets.add_argument("--budget-warm", metavar="TIME", help="from a warm event to its response (p50), such as 2ms")
    budgets.add_argument("--budget-memory", metavar="SIZE", help="of the peak memory, such as 128MB")

    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print JSON in place of the table")
    output.add_argument("-o", "--output", metavar="FILE", help="write the JSON to a file, too")


def run(arguments: argparse.Namespace) -> int:
    """Measure once.

    Raises:
        UsageError: something on the command line cannot be used.
    """
    if not all(arguments.handler.rpartition(".")):
        raise UsageError(f"handler {arguments.handler!r} is not MODULE.FUNCTION; write it such as app.handler")
    from ..bench.errors import HandlerFailed
    from .bench_plan import read_budgets

    if not arguments.json:
        require_rich()
    budgets = read_budgets(arguments)
    if arguments.output is not None:
        _check_output(Path(arguments.output))
    try:
        with _ends_with_its_children(), tempfile.TemporaryDirectory(prefix="bench-") as folder:
            report = _measure(arguments, budgets, Path(folder))
    except HandlerFailed as failure:
        if failure.output:
            print(f"--- what the process printed last\n{failure.output}\n---", file=sys.stderr)
        print(f"awslambdaric-lite bench: {failure}", file=sys.stderr)
        return 1
    return _tell(report, arguments)


def _measure(arguments: argparse.Namespace, budgets: list[Budget], folder: Path) -> BenchReport:
    from ..bench.machine import describe_machine
    from ..bench.rounds import measure
    from .bench_plan import read_plan
    from .bench_report import BenchReport
    from .progress import show_progress

    planned = read_plan(arguments, folder)
    with show_progress(sys.stderr, measuring=True) as progress:
        outcome = measure(planned.plan, planned.runner, progress)
    machine = {**describe_machine(), "python": planned.python}
    return BenchReport(arguments.handler, machine, planned.plan, outcome, budgets)


def _tell(report: BenchReport, arguments: argparse.Namespace) -> int:
    text = json.dumps(report.as_json(), indent=2) + "\n"
    if arguments.output is not None:
        try:
            write_text_file(Path(arguments.output), text)
        except PackagingError as error:
            raise UsageError(f"-o: {error}") from None
    for difference in report.outcome.differences:
        print(f"awslambdaric-lite bench: not compared: {difference}", file=sys.stderr)
    if arguments.json:
        print(text, end="")
        for verdict in report.verdicts():
            print(verdict, file=sys.stderr)
    else:
        report.show(sys.stdout)
    return 0 if report.within_budgets else 1


def _check_output(output: Path) -> None:
    try:
        check_output(output)
    except PackagingError as error:
        raise UsageError(f"-o: {error}") from None


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 900:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from above 0 to 900")
    return seconds


@contextmanager
def _ends_with_its_children() -> Iterator[None]:
    """Let a termination unwind the program as Ctrl-C does, so that no process is left behind."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
