"""`awslambdaric-lite conformance`: what a runtime client in any language does at the Runtime API, case by case."""

from __future__ import annotations

import argparse
import difflib
import json
import math
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.tables import Printer, Table, require_rich
from .env_file import variable
from .errors import UsageError
from .progress import show_progress

if TYPE_CHECKING:
    from ..conformance.case import CallerCase, Case
    from ..conformance.run import Result, Subject

HELP = """Check a runtime client in any language against the rules of Lambda's Runtime API. Each case starts the client
with the handler of docs/conformance.md, sends it events and faults, and checks its requests and its exit. A case is not
run if the handler lacks the behaviour that the case needs. The exit code is 1 if a case fails."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--runtime",
        metavar="CMD",
        help="command that starts the client, run in the task root; {handler} in it is replaced by the handler "
        "(default: this runtime)",
    )
    parser.add_argument(
        "--handler",
        default="conformance.handler",
        help="the handler's name, which is also in _HANDLER (default: conformance.handler)",
    )
    parser.add_argument(
        "--task-root",
        metavar="PATH",
        help="folder with the handler (default: the current folder; without --runtime the handler of this package)",
    )
    parser.add_argument(
        "--env", metavar="K=V", action="append", default=[], help="set an environment variable (repeatable)"
    )
    parser.add_argument(
        "--case", metavar="ID", action="append", default=[], help="run this case only, e.g. init.error (repeatable)"
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=20.0,
        help="seconds that a case may take, the start of the client included (default: 20)",
    )
    parser.add_argument("--list", action="store_true", help="list the cases instead of running them")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Run the cases once.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    from ..conformance.run import CannotRun

    cases = _chosen(arguments.case)
    if not arguments.json:
        require_rich()
    if arguments.list:
        _list(cases, as_json=arguments.json)
        return 0
    subject = _subject(arguments)
    try:
        results = _results(cases, subject)
    except CannotRun as error:
        if error.output.strip():
            print(f"--- last output of the process\n{error.output[-4000:].rstrip()}\n---", file=sys.stderr)
        raise UsageError(str(error)) from None
    if arguments.json:
        print(json.dumps(as_json(subject, results), indent=2))
    else:
        _show(results)
    return 1 if any(result.outcome == "failed" for result in results) else 0


def as_json(subject: Subject, results: list[Result]) -> dict[str, object]:
    """Return the results as JSON."""
    cases = [
        {"id": each.case.id, "demand": each.case.demand, "outcome": each.outcome, "reason": each.reason}
        for each in results
    ]
    return {"runtime": shlex.join(subject.command), "cases": cases}


def _results(cases: list[Case | CallerCase], subject: Subject) -> list[Result]:
    from ..conformance.case import Case
    from ..conformance.run import check_subject, local_function, run_caller_case, run_case

    results = []
    with show_progress(sys.stderr) as progress:
        progress.stage("checking that the client polls")
        check_subject(subject)
        progress.stage("running cases", len(cases))
        for case in cases:
            if isinstance(case, Case):
                results.append(run_case(case, subject))
            else:
                results.append(run_caller_case(case, local_function(subject)))
            progress.step()
    return results


def _chosen(names: list[str]) -> list[Case | CallerCase]:
    from ..conformance.cases import ALL_CASES

    cases = {case.id: case for case in ALL_CASES}
    for name in names:
        if name not in cases:
            near = difflib.get_close_matches(name, cases, 1)
            raise UsageError(
                f"--case {name}: no such case; " + (f"did you mean {near[0]}?" if near else "--list shows all cases")
            )
    return [cases[name] for name in dict.fromkeys(names or cases)]


def _subject(arguments: argparse.Namespace) -> Subject:
    from ..conformance.run import Subject
    from ..emulator import EmulatorError, FunctionConfig

    task_root = Path(arguments.task_root or ".").absolute()
    if arguments.runtime is None:
        command = [sys.executable, "-m", "awslambdaric_lite", "{handler}"]
        if arguments.task_root is None:
            task_root = Path(__file__).parents[1] / "conformance" / "handlers" / "python"
    else:
        try:
            command = shlex.split(arguments.runtime)
        except ValueError as error:
            raise UsageError(
                f"--runtime {arguments.runtime!r} cannot be split into arguments: {error}; close its quotes"
            ) from None
    if not arguments.handler:
        raise UsageError("--handler is empty; give the handler's name, e.g. conformance.handler")
    if not task_root.is_dir():
        raise UsageError(f"--task-root {task_root} is not a folder; give the folder of the handler")
    if not command:
        raise UsageError("--runtime is empty; give the command of a runtime client, e.g. ./bootstrap")
    program, place = command[0], "on PATH"
    if "/" in program:
        program, place = str(task_root / program), f"in {task_root}"
    if shutil.which(program) is None:
        raise UsageError(
            f"--runtime: cannot find an executable {command[0]} {place}; give the command of a runtime client, e.g. "
            "./bootstrap"
        )
    variables = dict(variable(text) for text in arguments.env)
    try:
        FunctionConfig(handler=arguments.handler, task_root=task_root, env=variables)
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    return Subject(command, arguments.handler, task_root, variables, arguments.timeout)


def _list(cases: list[Case | CallerCase], *, as_json: bool) -> None:
    from ..conformance.cases import LINES

    if as_json:
        listed = [{"id": case.id, "line": LINES[case.line], "demand": case.demand} for case in cases]
        print(json.dumps(listed, indent=2))
        return
    Printer(sys.stdout).table(Table("", ["case", "demand"], [[case.id, case.demand] for case in cases], 2))


def _show(results: list[Result]) -> None:
    from ..conformance.run import OUTCOMES

    printer = Printer(sys.stdout)
    rows = [[each.outcome, each.case.id, each.case.demand, each.reason] for each in results]
    styles = {"failed": "red", "not run": "dim"}
    printer.table(Table("", ["outcome", "case", "demand", "reason"], rows, 4, styles))
    counts = Counter(each.outcome for each in results)
    printer.line()
    printer.line(", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 600")
    return seconds
