"""Reads the command line of `bench`: budgets, contenders, events."""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..bench.budgets import Budget, cold_start_budget, memory_budget, warm_budget
from ..bench.contenders import Contender, NotUsable, TargetPython, commanded
from ..bench.rounds import Event, Plan
from ..bench.run import Runner
from ..bench.task_copy import copy_task_root
from ..common.regions import REGION
from ..emulator import EmulatorError, FunctionConfig
from ..emulator.environments.layers import unpack
from .env_file import read_env_file, variable
from .errors import UsageError
from .events import read_event


@dataclass(frozen=True)
class Subject:
    """What is measured: the runner of a function, its events, and the interpreter."""

    runner: Runner
    events: list[Event]
    interpreter: TargetPython


def read_budgets(arguments: argparse.Namespace) -> list[Budget]:
    """Return the budgets on the command line.

    Raises:
        UsageError: one is not a time or a size.
    """
    given: list[tuple[str, str | None, Callable[[str], Budget]]] = [
        ("--budget", arguments.budget, cold_start_budget),
        ("--budget-warm", arguments.budget_warm, warm_budget),
        ("--budget-memory", arguments.budget_memory, memory_budget),
    ]
    budgets = []
    for option, text, read in given:
        if text is None:
            continue
        try:
            budgets.append(read(text))
        except ValueError as error:
            raise UsageError(f"{option} {error}") from None
    return budgets


def read_subject(arguments: argparse.Namespace, folder: Path, *, copied: bool = False) -> Subject:
    """Return what is measured, after a look at the interpreter and its packages; runs write into `folder`.

    Args:
        arguments: the command line.
        folder: an empty folder.
        copied: let the function run in a copy of its folder.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    runner = _runner(arguments, folder, copied=copied)
    events = _events(arguments.event)
    try:
        interpreter = TargetPython.inspect(arguments.python, runner.environment(), runner.function.task_root)
    except NotUsable as error:
        raise UsageError(str(error)) from None
    return Subject(runner, events, interpreter)


def read_plan(arguments: argparse.Namespace, subject: Subject) -> Plan:
    """Return the plan of a comparison.

    Raises:
        UsageError: the other runtime cannot be used; the message says how to change that.
    """
    try:
        theirs = _theirs(arguments, subject.interpreter, subject.runner)
    except NotUsable as error:
        raise UsageError(str(error)) from None
    ours, bare = subject.interpreter.ours(arguments.handler), subject.interpreter.bare()
    return Plan(ours, theirs, bare, subject.events, arguments.rounds, arguments.invocations)


def _runner(arguments: argparse.Namespace, folder: Path, *, copied: bool) -> Runner:
    variables: dict[str, str] = {}
    for path in arguments.env_file:
        variables |= read_env_file(path, "function")
    variables |= dict(variable(text) for text in arguments.env)
    task_root = Path(arguments.task_root)
    try:
        if zipfile.is_zipfile(task_root):
            unpack(task_root, folder / "task", "task root")
            task_root = folder / "task"
        elif copied and task_root.is_dir():
            copy_task_root(task_root, folder / "task")
            task_root = folder / "task"
        function = FunctionConfig(
            handler=arguments.handler,
            task_root=task_root,
            region=REGION,  # that of the ARN in every event of a benchmark
            env=variables,
            aws_credentials=arguments.aws,
        )
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    return Runner(function, folder, arguments.timeout)


def _theirs(arguments: argparse.Namespace, interpreter: TargetPython, runner: Runner) -> Contender | None:
    if arguments.against == "none":
        return None
    if arguments.against not in (None, "awslambdaric"):
        search_path = runner.environment()["PATH"]
        return commanded(arguments.against, arguments.handler, runner.function.task_root, search_path)
    try:
        return interpreter.official(arguments.handler)
    except NotUsable as missing:
        print(f"awslambdaric-lite bench: {missing}", file=sys.stderr)
        return None


def _events(sources: list[str]) -> list[Event]:
    if sources.count("-") > 1:
        raise UsageError("standard input holds one event; give --event - once")
    named = [("standard input" if source == "-" else source, read_event(source)) for source in sources]
    return [Event(f"the event {name}", body) for name, body in named] or [Event("the event {}", b"{}")]
