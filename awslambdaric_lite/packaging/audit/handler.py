"""Does the handler import, how long does that take, and how much of that is due to its bytecode?"""

from __future__ import annotations

import errno
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from ...common.words import escape_controls
from ..bytecode import find_interpreter
from ..errors import PackagingError
from ..handler_check import other_place
from ..hosts import OPT, TASK_ROOT
from ..import_tree import Imported, ImportFailure, ImportRun, measure_imports, run_import
from .binaries import has_binaries
from .bytecode import costs_cold_start
from .findings import Finding
from .import_gains import GainCheck
from .platform_packages import PLATFORM_PACKAGES
from .subject import Subject
from .workplace import Workplace, environment, with_valid_bytecode, workplace

TIMEOUT_S = 60.0
"""Seconds that an import may take here; Lambda allows ten, then it starts again."""

RUNS = 5
"""Imports that measure the cost of each kind of bytecode; fewer if they take long, but at least three."""

SLOW_US = 20_000
"""Microseconds in a package's own modules from which on it is worth a finding."""

_PATIENCE_S = 6.0  # seconds for all runs
_FEWEST_RUNS = 3
_SLOWEST = 5
_GUESSES = ("lambda_function.py", "app.py", "main.py", "handler.py", "index.py")


@dataclass
class HandlerAudit:
    """The findings, and the tree of imports if the import succeeded."""

    findings: list[Finding] = field(default_factory=list)
    tree: Imported | None = None


def check_handler(
    subject: Subject,
    handler: str | None,
    found: Iterable[Finding],
    variables: Mapping[str, str],
    events: Sequence[bytes] = (),
) -> HandlerAudit:
    """Import the handler in a copy of the package, in another process; measure bytecode if it is among those `found`.

    With events, run the handler with them, too, in a local Lambda.

    Raises:
        PackagingError: the handler's name has no dot, or the package cannot be copied.
    """
    if handler is None:
        return _unchecked(
            f"name the handler with --handler MODULE.FUNCTION{_guess(subject)} to have its imports checked"
        )
    module, dot, function = handler.rpartition(".")
    if not dot or not module or not function:
        raise PackagingError(f"handler {handler!r} must be MODULE.FUNCTION, e.g. app.handler")
    interpreter = find_interpreter(subject.target.python)
    if interpreter is None:
        python = subject.target.python
        return _unchecked(
            f"imports were not checked: no Python {python} was found on PATH or among pyenv's; install it"
        )
    if has_binaries(subject) and not subject.target.is_of_this_machine:
        return _unchecked(f"imports were not checked: binaries for {subject.target.arch} do not run on this machine")
    statement = _statement(module.replace("/", "."), function)
    with workplace(subject, interpreter) as place:
        return _Check(subject, place, interpreter, handler, statement, variables).run(costs_cold_start(found), events)


class _Arguments(TypedDict):
    environ: dict[str, str]
    path: list[Path]
    sites: list[Path]
    prefix: list[str]


class _Check:
    """The check of one handler in one copy of its package."""

    def __init__(
        self,
        subject: Subject,
        place: Workplace,
        interpreter: Path,
        handler: str,
        statement: str,
        variables: Mapping[str, str],
    ) -> None:
        self._subject = subject
        self._place = place
        self._interpreter = interpreter
        self._handler = handler
        self._module = handler.rpartition(".")[0].replace("/", ".")
        self._statement = statement
        self._variables = variables

    def run(self, costly: bool, events: Sequence[bytes]) -> HandlerAudit:
        first = self._import(self._place)
        if first.failure is not None:
            return HandlerAudit([self._failed(first.failure)])
        audit = HandlerAudit()
        runs = max(_FEWEST_RUNS, min(RUNS, int(_PATIENCE_S / 2 / max(first.seconds or 0, 0.001))))
        place = self._compiled() if costly else self._place
        if place is not self._place:
            audit.findings += self._cost(place, runs)
        try:
            audit.tree = self._tree(self._place)
            valid = audit.tree if place is self._place else self._tree(place)
        except PackagingError as error:  # the first import succeeded; the code depends on something that changed
            text = self._place.shown(str(error)).replace(repr(self._statement), self._handler)
            audit.findings.append(Finding("handler-import", "error", ".", f"the second import failed: {text}"))
            return audit
        audit.findings += _slow(audit.tree)
        check = GainCheck(
            self._subject,
            place,
            self._interpreter,
            self._handler,
            self._statement,
            self._variables,
            lambda setup, statement, more: run_import(
                self._interpreter, statement, setup=setup, timeout_s=TIMEOUT_S, **self._arguments(place, more)
            ),
            runs,
        )
        audit.findings += check.findings(valid, events)
        return audit

    def _tree(self, place: Workplace) -> Imported:
        tree = measure_imports(self._interpreter, self._statement, timeout_s=TIMEOUT_S, **self._arguments(place))
        tree.name = self._handler
        return tree

    def _import(self, place: Workplace) -> ImportRun:
        return run_import(self._interpreter, self._statement, timeout_s=TIMEOUT_S, **self._arguments(place))

    def _arguments(self, place: Workplace, more: Mapping[str, str] = {}) -> _Arguments:
        variables = {**self._variables, **more}
        path = place.search_path(self._subject, variables)
        if "PYTHONPATH" in variables and place.mounts is None:
            variables["PYTHONPATH"] = ":".join(path.customers)
        return {
            "environ": environment(self._subject, place, self._handler, variables),
            "path": [Path(folder) for folder in path.folders],
            "sites": [Path(folder) for folder in path.sites],
            "prefix": place.prefix(),
        }

    def _failed(self, failure: ImportFailure) -> Finding:
        message = plain_message(self._place.shown(failure.message))
        file = self._place.shown(failure.where[0]) if failure.where else "."
        line = f", line {failure.where[1]}" if failure.where else ""
        missing = (failure.missing or "").partition(".")[0]
        what = f"{self._handler} does not import: {failure.kind}" + (f": {message}" if message else "")
        where = f" ({escape_controls(file)}{line})" if failure.where else ""
        if missing in PLATFORM_PACKAGES and self._subject.host == "managed":
            name = PLATFORM_PACKAGES[missing]
            return Finding(
                "imports-unchecked",
                "info",
                escape_controls(file),
                f"imports were checked as far as {missing}, which only managed runtimes have; pip install {name} here "
                "to have them checked",
            )
        if self._place.mounts is None and any(place in failure.message for place in (f"{TASK_ROOT}/", f"{OPT}/")):
            return Finding(
                "imports-unchecked",
                "info",
                escape_controls(file),
                f"imports were checked as far as a path of Lambda: {failure.kind}: {message}{where}; run doctor as "
                "root, which may mount the package there",
            )
        return Finding("handler-import", "error", escape_controls(file), f"{what}{where}{self._cure(failure)}")

    def _cure(self, failure: ImportFailure) -> str:
        if failure.kind == "ModuleNotFoundError":
            names = self._subject.files
            if failure.missing and (
                found := other_place(failure.missing, names, guess=failure.missing == self._module)
            ):
                return f"; {found}"
            if failure.missing in PLATFORM_PACKAGES:
                return f"; only managed runtimes have {failure.missing}: add it to the package"
            return "; add it to the package, or name the layer that has it with --layer"
        if failure.kind == "KeyError":
            return "; if it is an environment variable, set it with --env NAME=VALUE"
        if failure.kind == "AttributeError" and failure.where is None:
            return "; correct the handler's name"
        if failure.kind == "OSError" and f"[Errno {errno.EROFS}]" in failure.message:
            return "; a function's files are read-only on Lambda: write to /tmp"
        return ""

    def _compiled(self) -> Workplace:
        """Return a copy with valid bytecode, or if that is impossible, the one as it is."""
        try:
            return with_valid_bytecode(self._place, self._subject, self._interpreter)
        except PackagingError:
            return self._place

    def _cost(self, compiled: Workplace, runs: int) -> list[Finding]:
        as_it_is: list[float] = []
        valid: list[float] = []
        for _ in range(runs):  # interleaved, so that background load slows both down
            for times, place in ((as_it_is, self._place), (valid, compiled)):
                run = self._import(place)
                if run.cpu_seconds is None:
                    return []
                times.append(run.cpu_seconds * 1e3)
        if min(as_it_is) <= max(valid):
            return []  # the difference is within the spread
        saved = statistics.median(as_it_is) - statistics.median(valid)
        return [
            Finding(
                "bytecode-cost",
                "warning",
                ".",
                f"importing {self._handler} takes {_spread(as_it_is)} of CPU time as it is and {_spread(valid)} with "
                f"valid bytecode: about {saved:.0f} ms of each cold start (on this machine, medians of {runs} runs)",
            )
        ]


def _spread(times_ms: list[float]) -> str:
    return f"{statistics.median(times_ms):.0f} ms ({min(times_ms):.0f} to {max(times_ms):.0f})"


def plain_message(text: str) -> str:
    """Return another program's message on one line."""
    line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:500]


def _statement(module: str, function: str) -> str:
    missing = f"module {module} has no {function}"
    return (
        f"import sys; __import__({module!r}); module = sys.modules[{module!r}]\n"
        f"if not hasattr(module, {function!r}): raise AttributeError({missing!r})\n"
        f"if not callable(getattr(module, {function!r})): raise TypeError({f'{module}.{function} is not callable'!r})"
    )


def _slow(tree: Imported) -> list[Finding]:
    own: Counter[str] = Counter()
    for module in tree.walk():
        if module is not tree:
            own[module.name.partition(".")[0]] += module.self_us
    slow = [(name, time) for name, time in own.most_common(_SLOWEST) if time >= SLOW_US]
    if not slow:
        return []
    told = ", ".join(f"{escape_controls(name)} {time / 1000:.0f} ms" for name, time in slow)
    return [
        Finding(
            "imports-slow",
            "info",
            ".",
            f"importing {tree.name} takes {tree.total_us / 1000:.0f} ms, most of it in {told}; import modules that are "
            "rarely needed where they are used",
        )
    ]


def _unchecked(message: str) -> HandlerAudit:
    return HandlerAudit([Finding("imports-unchecked", "info", ".", message)])


def _guess(subject: Subject) -> str:
    guess = next((name for name in _GUESSES if name in subject.files), None)
    if guess is None:
        return ""
    function = "lambda_handler" if guess == "lambda_function.py" else "handler"
    return f", e.g. {guess[:-3]}.{function},"
