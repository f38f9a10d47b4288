"""`awslambdaric-lite bench`: cold start, warm invocations and memory of a function, compared with awslambdaric."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from ..common.tables import require_rich
from ..packaging.archive import check_output, write_text_file
from ..packaging.errors import PackagingError
from .errors import UsageError
from .lazy_mode import DEFAULT_MODE, LAZY_HELP, lazy_mode

if TYPE_CHECKING:
    from ..bench.budgets import Budget
    from .bench_plan import Subject
    from .bench_report import BenchReport
    from .what_if_report import WhatIfReport

HELP = """Compare this runtime with awslambdaric: cold start (from the start of the process to the first response), warm
invocations, CPU time and memory of a function. Both run on this machine in turns, each round in a fresh process. The
responses of both are compared first; if they differ, the command says so and measures this runtime only. With --what-if
this runtime alone is measured, with and without the settings that make imports faster. The exit code is 0, or 1 if a
budget is exceeded, the function fails, or a setting of --what-if changes its responses."""


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

    what_if = parser.add_argument_group("settings that make imports faster")
    what_if.add_argument(
        "--what-if",
        action="store_true",
        help="compare the function as it is with lazy imports (Python 3.15 and later), with a bundle of its imports, "
        "and with both; as root also with a dropped page cache. The function runs in a copy of its folder",
    )
    what_if.add_argument("--lazy", metavar="MODE", help=f"with --what-if: {LAZY_HELP}")

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
    from ..bench.errors import BenchError, HandlerFailed
    from .bench_plan import read_budgets

    if arguments.what_if:
        _check_what_if(arguments)
    elif arguments.lazy is not None:
        raise UsageError("--lazy chooses the lazy imports of --what-if; add --what-if, or omit --lazy")
    if not arguments.json:
        require_rich()
    budgets = read_budgets(arguments)
    if arguments.output is not None:
        _check_output(Path(arguments.output))
    place = _disk() if arguments.what_if else None
    try:
        with _unwinds_on_sigterm(), tempfile.TemporaryDirectory(prefix="bench-", dir=place) as name:
            folder = Path(name).resolve()
            report = _try_settings(arguments, folder) if arguments.what_if else _measure(arguments, budgets, folder)
    except BenchError as failure:
        if isinstance(failure, HandlerFailed) and failure.output:
            print(f"--- last output of the process\n{failure.output}\n---", file=sys.stderr)
        asks = not arguments.event and " responds to the event {} " in str(failure)
        cure = "; if the function needs another event, give it with --event FILE" if asks else ""
        print(f"awslambdaric-lite bench: {failure}{cure}", file=sys.stderr)
        return 1
    return _tell(report, arguments)


def _measure(arguments: argparse.Namespace, budgets: list[Budget], folder: Path) -> BenchReport:
    from ..bench.rounds import measure
    from .bench_plan import read_plan, read_subject
    from .bench_report import BenchReport
    from .progress import show_progress

    subject = read_subject(arguments, folder)
    plan = read_plan(arguments, subject)
    with show_progress(sys.stderr, measuring=True) as progress:
        outcome = measure(plan, subject.runner, progress)
    for difference in outcome.differences:
        print(f"awslambdaric-lite bench: not compared: {difference}", file=sys.stderr)
    return BenchReport(arguments.handler, _machine(subject), plan, outcome, budgets)


def _check_what_if(arguments: argparse.Namespace) -> None:
    """Refuse options that do not go with `--what-if`.

    Raises:
        UsageError: the command line has one.
    """
    if arguments.against is not None:
        raise UsageError("--against does not go with --what-if, which measures this runtime alone; omit one of them")
    for option in ("budget", "budget_warm", "budget_memory"):
        if getattr(arguments, option) is not None:
            name = option.replace("_", "-")
            raise UsageError(f"--{name} does not go with --what-if, which compares settings; omit one of them")
    if arguments.lazy == "off":
        raise UsageError("--lazy off does not go with --what-if, which tries lazy imports; choose all or installed")
    arguments.lazy = lazy_mode(arguments.lazy or DEFAULT_MODE)


def _disk() -> str | None:
    """Return a folder for temporary files on a disk, because /tmp is often in memory, with no page cache to drop."""
    return None if "TMPDIR" in os.environ or not os.access("/var/tmp", os.W_OK) else "/var/tmp"


def _try_settings(arguments: argparse.Namespace, folder: Path) -> WhatIfReport:
    from ..bench.what_if import Request, what_if
    from .bench_plan import read_subject
    from .progress import show_progress
    from .what_if_report import WhatIfReport

    subject = read_subject(arguments, folder, copied=True)
    _refuse_own_settings(subject.runner.function.env)
    request = Request(
        arguments.handler,
        subject.events,
        arguments.rounds,
        arguments.invocations,
        arguments.lazy,
        arguments.timeout,
    )
    with show_progress(sys.stderr, measuring=True) as progress:
        found = what_if(request, subject.interpreter, subject.runner, folder, progress)
    return WhatIfReport(request, arguments.task_root, arguments.event, _machine(subject), found)


def _refuse_own_settings(variables: Mapping[str, str]) -> None:
    """Refuse variables that `--what-if` sets.

    Raises:
        UsageError: the function has one.
    """
    from ..packaging.import_bundle import BUNDLE_VARIABLE
    from ..packaging.import_recording import LAZY_VARIABLE, LIST_VARIABLE

    for name in (LAZY_VARIABLE, LIST_VARIABLE, BUNDLE_VARIABLE):
        if name in variables:
            raise UsageError(f"{name} is set by --what-if itself; omit it from --env and --env-file")


def _machine(subject: Subject) -> dict[str, str | int]:
    from ..bench.machine import describe_machine

    return {**describe_machine(), "python": subject.interpreter.description}


def _tell(report: BenchReport | WhatIfReport, arguments: argparse.Namespace) -> int:
    text = json.dumps(report.as_json(), indent=2) + "\n"
    if arguments.output is not None:
        try:
            write_text_file(Path(arguments.output), text)
        except PackagingError as error:
            raise UsageError(f"-o: {error}") from None
    if arguments.json:
        print(text, end="")
        for verdict in report.verdicts():
            print(verdict, file=sys.stderr)
    else:
        report.show(sys.stdout)
    return 0 if report.passed else 1


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
