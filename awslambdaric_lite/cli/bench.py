"""`awslambdaric-lite bench`: cold start, warm invocations and memory of a function, compared with awslambdaric."""

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
from .lines import say

if TYPE_CHECKING:
    from ..bench.budgets import Budget
    from .bench_report import BenchReport

HELP = """Compare this runtime with awslambdaric: cold start (from the start of the process to the first response), warm
invocations, CPU time and memory of a function. Both run on this machine in turns, each round in a fresh process. The
responses of both are compared first; if they differ, the command says so and measures this runtime only. The exit code
is 0, or 1 if a budget is exceeded or the function fails."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("handler", metavar="HANDLER", help="the handler as MODULE.FUNCTION, e.g. app.handler")
    parser.add_argument(
        "--event",
        metavar="FILE",
        action="append",
        default=[],
        help="JSON file to send as an event, or - for standard input (default: {}); with several, events are sent in "
        "rotation (repeatable)",
    )
    parser.add_argument(
        "--task-root",
        metavar="PATH",
        default=".",
        help="folder or zip file with the function's code (default: the current folder)",
    )
    parser.add_argument(
        "--env", metavar="K=V", action="append", default=[], help="set an environment variable (repeatable)"
    )
    parser.add_argument(
        "--env-file",
        metavar="FILE",
        action="append",
        default=[],
        help="set the environment variables of a file, one K=V a line; --env overrides them (repeatable)",
    )
    parser.add_argument(
        "--aws", action="store_true", help="pass your AWS credentials to the function (default: placeholders)"
    )

    measurement = parser.add_argument_group("measurement")
    measurement.add_argument(
        "--against",
        metavar="RUNTIME",
        default="awslambdaric",
        help="runtime to compare with: awslambdaric, none, or the command of another one, run in the task root; "
        "{handler} in it is replaced by HANDLER (default: awslambdaric)",
    )
    measurement.add_argument(
        "--python", metavar="PATH", help="interpreter of both runtimes (default: the one that runs this command)"
    )
    measurement.add_argument(
        "--rounds", metavar="N", type=_number, default=20, help="number of processes of each runtime (default: 20)"
    )
    measurement.add_argument(
        "--invocations",
        metavar="N",
        type=_number,
        help="number of warm invocations in each process, after its first one; 100 are needed for a p99 (default: as "
        "many as fit into half a second, from 5 to 100, and each event at least once)",
    )
    measurement.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=30.0,
        help="timeout of the init phase and of an invocation, in seconds (default: 30)",
    )

    budgets = parser.add_argument_group("budgets", "Limits for this runtime's medians; the exit code is 1 above one.")
    budgets.add_argument("--budget", metavar="TIME", help="fail if the cold start is slower, e.g. 150ms")
    budgets.add_argument(
        "--budget-warm", metavar="TIME", help="fail if a warm invocation, from event to response, is slower, e.g. 2ms"
    )
    budgets.add_argument("--budget-memory", metavar="SIZE", help="fail if the peak memory is higher, e.g. 128MB")

    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print JSON instead of the table")
    output.add_argument("-o", "--output", metavar="FILE", help="also write the JSON to FILE")


def run(arguments: argparse.Namespace) -> int:
    """Measure once.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    if not all(arguments.handler.rpartition(".")):
        raise UsageError(f"handler {arguments.handler!r} is not MODULE.FUNCTION; write e.g. app.handler")
    from ..bench.errors import HandlerFailed
    from .bench_plan import read_budgets

    if not arguments.json:
        require_rich()
    budgets = read_budgets(arguments)
    if arguments.output is not None:
        _check_output(Path(arguments.output))
    try:
        with _unwinds_on_sigterm(), tempfile.TemporaryDirectory(prefix="bench-") as folder:
            report = _measure(arguments, budgets, Path(folder))
    except HandlerFailed as failure:
        if failure.output:
            for text in ("--- last output of the process", failure.output, "---"):
                say(text)
        say(f"awslambdaric-lite bench: {failure}")
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
        say(f"awslambdaric-lite bench: not compared: {difference}")
    if arguments.json:
        print(text, end="")
        for verdict in report.verdicts():
            say(verdict)
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
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000000")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


@contextmanager
def _unwinds_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the program as Ctrl-C does, so that no process is left behind."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
