"""What settings would gain, as a table for people and as JSON for machines."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from statistics import median
from typing import Any, TextIO

from ..bench.confidence import Interval
from ..bench.measures import COLD_START, COLD_START_DROPPED, FIRST, FIRST_CPU, PEAK_MEMORY, WHAT_IF_MEASURES, Measure
from ..bench.what_if import AS_IT_IS, BOTH, BUNDLE, LAZY, Request, WhatIf
from ..common.tables import Printer, Table
from ..common.words import count, format_size, shorten_list
from ..packaging.hosts import TASK_ROOT
from ..packaging.import_bundle import BUNDLE_VARIABLE
from ..packaging.import_recording import LIST_VARIABLE
from .bench_report import circumstances, interval_fields, interval_text
from .lazy_mode import DEFAULT_MODE

_ROWS = (AS_IT_IS, LAZY, BUNDLE, BOTH)
_COLUMNS = {
    COLD_START: "cold start",
    COLD_START_DROPPED: "page cache dropped",
    FIRST: "first invocation",
    FIRST_CPU: "its CPU time",
    PEAK_MEMORY: "peak memory",
}
_WITH_RATIO = (COLD_START, COLD_START_DROPPED)
_ENTRIES = 8  # of the import list that are shown


@dataclass(frozen=True)
class WhatIfReport:
    """The rows with their circumstances; `task_root` and `events` are as they were typed."""

    request: Request
    task_root: str
    events: Sequence[str]
    machine: dict[str, str | int]
    found: WhatIf

    @property
    def passed(self) -> bool:
        """Whether the function gives the same results in all rows that can be tried."""
        return not any(missing.failed for missing in self.found.missing.values())

    def verdicts(self) -> list[str]:
        """Return why rows were not measured, and what to do to get the best row."""
        lines = [f"{row}: {missing.reason}" for row, missing in self.found.missing.items() if missing.reason]
        return [*lines, self.advice()]

    def as_json(self) -> dict[str, Any]:
        """Return each figure of each round in order, in seconds and bytes."""
        found = self.found
        return {
            "handler": self.request.handler,
            "machine": self.machine,
            "rounds": self.request.rounds,
            "invocations": found.outcome.invocations,
            "versions": {found.tried[AS_IT_IS].label: found.tried[AS_IT_IS].version},
            "rows": [self._row_as_json(row) for row in _ROWS],
            "pageCache": {"dropped": found.cache_kept is None, "reason": found.cache_kept},
            "importList": None if found.entries is None else {"lazy": self.request.lazy, "entries": found.entries},
            "bundle": None if found.bundle is None else {"modules": found.bundle.modules, "size": found.bundle.size},
            "notes": found.outcome.notes,
            "best": found.best(),
            "advice": self.advice(),
        }

    def show(self, stream: TextIO) -> None:
        """Print the table, what was recorded, and what to do to get the best row.

        Raises:
            ModuleNotFoundError: rich is not installed.
        """
        printer, found = Printer(stream), self.found
        printer.line(
            f"{self.request.handler}: {count(self.request.rounds, 'round')}, each in a fresh process with "
            f"{count(1 + found.outcome.invocations, 'invocation')}; medians of the rounds"
        )
        printer.line(circumstances(self.machine, [found.tried[AS_IT_IS]]))
        columns = [measure for measure in _COLUMNS if self._is_shown(measure)]
        rows = [self._row(row, columns) for row in _ROWS]
        header = ["", *(_COLUMNS[measure] for measure in columns)]
        printer.table(Table("", header, rows, row_styles={found.best(): "bold"}))
        printer.line()
        for line in [*self._below(), *self.verdicts()]:
            printer.line(line, "bold" if line == self.advice() else "")

    def advice(self) -> str:
        """Return what to do to get the best row."""
        best = self.found.best()
        if best == AS_IT_IS:
            return "no other row has a shorter cold start beyond chance: leave the function as it is"
        options, variables = self._deployment(best)
        text = f"to get the row {best}: "
        if options:
            folder = "SRC" if PurePath(self.task_root).suffix == ".zip" else self.task_root
            command = ["awslambdaric-lite", "pack", folder, "-o", "function.zip", "--handler", self.request.handler]
            text += f"pack with `{shlex.join([*command, *options])}` and "
        return f"{text}set {' '.join(f'{name}={value}' for name, value in variables.items())}"

    def _deployment(self, row: str) -> tuple[list[str], dict[str, str]]:
        """Return the options of `pack` and the variables of a row that was tried."""
        options: list[str] = []
        variables: dict[str, str] = {}
        for name, value in self.found.tried[row].variables.items():
            variables[name] = f"{TASK_ROOT}/{PurePath(value).name}" if "/" in value else value
            if name == LIST_VARIABLE:
                files = [event for event in self.events if event != "-"] or ["FILE"]
                options += [text for file in files for text in ("--event", file)]
                options += ["--lazy", self.request.lazy] if self.request.lazy != DEFAULT_MODE else []
            elif name == BUNDLE_VARIABLE:
                options.append("--bundle-imports")
        version = str(self.machine["python"]).rpartition(" ")[2]
        if options and version != platform.python_version():
            options = ["--python", ".".join(version.split(".")[:2]), *options]
        return options, variables

    def _below(self) -> list[str]:
        found, lines = (
            self.found,
            ["a second figure: the ratio to the function as it is; in brackets its 95 % confidence interval"],
        )
        if found.cache_kept is not None:
            lines.append(f"dropped page cache: {found.cache_kept}")
        if found.entries is not None:
            events = f"{LAZY}: {self.request.lazy}; {count(len(self.request.events), 'event')} recorded"
            recorded = f"import list with {count(len(found.entries), 'entry', 'entries')}"
            names = f"{recorded}: {shorten_list(found.entries, _ENTRIES)}" if found.entries else "no import after init"
            lines.append(f"{events}: {names}")
        if found.bundle is not None:
            size = format_size(found.bundle.size)
            modules = f"{BUNDLE}: {count(found.bundle.modules, 'module')}, {size}"
            lines.append(f"{modules}; modules of the standard library are used on exactly this build of Python only")
        return [*lines, *(f"note: {note}" for note in found.outcome.notes)]

    def _is_shown(self, measure: Measure) -> bool:
        return measure is not COLD_START_DROPPED or self.found.cache_kept is None

    def _row(self, row: str, columns: Sequence[Measure]) -> list[str]:
        runtime = self.found.measured().get(row)
        if runtime is None:
            return [row, self.found.missing[row].short]
        cells = [row]
        for measure in columns:
            value = self.found.outcome.median(runtime, measure.name)
            text = "" if value is None else measure.text(value)
            if measure in _WITH_RATIO and row != AS_IT_IS:
                text += f"  {interval_text(self._ratio(row, measure), self.request.rounds)}"
            cells.append(text)
        return cells

    def _row_as_json(self, row: str) -> dict[str, Any]:
        found = self.found
        runtime, missing = found.measured().get(row), found.missing.get(row)
        options, variables = self._deployment(row) if row in found.tried else (None, None)
        figures = {} if runtime is None else found.outcome.figures[runtime.label]
        return {
            "name": row,
            "variables": variables,
            "packOptions": options,
            "failed": missing is not None and missing.failed,
            "reason": None if missing is None else missing.reason or missing.short,
            "measures": [
                {
                    "name": measure.name,
                    "title": measure.title,
                    "unit": measure.unit,
                    "median": median(figures[measure.name]),
                    "rounds": figures[measure.name],
                    "ratio": None
                    if row == AS_IT_IS
                    else interval_fields(self._ratio(row, measure), self.request.rounds),
                }
                for measure in WHAT_IF_MEASURES
                if measure.name in figures
            ],
        }

    def _ratio(self, row: str, measure: Measure) -> Interval | None:
        tried = self.found.tried
        return self.found.outcome.ratio(tried[row], tried[AS_IT_IS], measure.name)
