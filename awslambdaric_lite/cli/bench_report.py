"""A comparison as a table for people and as JSON for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TextIO

from ..bench.budgets import Budget
from ..bench.confidence import Interval
from ..bench.contenders import Contender
from ..bench.measures import COLD_START, MEASURES, WARM, Measure
from ..bench.rounds import Comparison, Plan
from ..common.tables import Printer, Table
from ..common.words import count

FEWEST_ROUNDS = 5
"""Fewer do not show how much rounds differ."""

_BARE_START = Measure("spawn_to_next", "")


@dataclass(frozen=True)
class BenchReport:
    """A comparison with its circumstances; `machine` has the fields of `describe_machine`, and the interpreter."""

    handler: str
    machine: dict[str, str | int]
    plan: Plan
    outcome: Comparison
    budgets: Sequence[Budget]

    @property
    def contenders(self) -> list[Contender]:
        """The runtimes that were measured, ours first."""
        compared = [self.plan.ours, *([self.plan.theirs] if self.plan.theirs is not None else [])]
        return [contender for contender in compared if contender.label in self.outcome.figures]

    @property
    def is_comparison(self) -> bool:
        """Whether two runtimes were measured."""
        return len(self.contenders) > 1

    @property
    def passed(self) -> bool:
        """Whether our runtime stays within all budgets."""
        return all(budget.met_by(self._ours(budget.measure)) for budget in self.budgets)

    def as_json(self) -> dict[str, Any]:
        """Return each figure of each round in order, in seconds and bytes."""
        return {
            "handler": self.handler,
            "machine": self.machine,
            "rounds": self.plan.rounds,
            "invocations": self.outcome.invocations,
            "versions": {contender.label: contender.version for contender in self.contenders},
            "measures": [self._measure_as_json(measure) for measure in self._measured()],
            "differences": self.outcome.differences,
            "notes": self.outcome.notes,
            "budgets": [
                {
                    "measure": budget.measure.name,
                    "limit": budget.limit,
                    "value": self._ours(budget.measure),
                    "met": budget.met_by(self._ours(budget.measure)),
                }
                for budget in self.budgets
            ],
            "measuring": {
                "serverCpuPerInvocation": self.outcome.server_cpu_s,
                "bareClient": {name: median(figures) for name, figures in self._bare().items()},
            },
        }

    def show(self, stream: TextIO) -> None:
        """Print the table, the machine, the cost of measuring, and a verdict for each budget.

        Raises:
            ModuleNotFoundError: rich is not installed.
        """
        outcome, printer = self.outcome, Printer(stream)
        printer.line(
            f"{self.handler}: {count(self.plan.rounds, 'round')}, each in a fresh process with "
            f"a first and {count(outcome.invocations, 'warm invocation')}; medians of the rounds"
        )
        printer.line(circumstances(self.machine, self.contenders))
        header = ["", *(each.label for each in self.contenders), *(["ours / theirs"] if self.is_comparison else [])]
        rows = [self._row(measure) for measure in self._measured()]
        printer.table(Table("", header, rows, row_styles={COLD_START.title: "bold"}))
        printer.line()
        for line in self._below():
            printer.line(line, "bold red" if line.startswith("budget EXCEEDED") else "")

    def verdicts(self) -> list[str]:
        """Return a line for each budget."""
        lines = []
        for budget in self.budgets:
            value = self._ours(budget.measure)
            verdict = "met" if budget.met_by(value) else "EXCEEDED"
            text = budget.measure.text
            lines.append(f"budget {verdict}: {budget.measure.title}: {text(value)} of {text(budget.limit)}")
        return lines

    def _below(self) -> list[str]:
        lines = []
        if self.is_comparison:
            lines.append("ours / theirs: below 1 is better; in brackets the 95 % confidence interval")
        bare = {name: median(figures) for name, figures in self._bare().items()}
        cost = WARM.text(self.outcome.server_cpu_s)
        floor = f"a bare client starts in {_BARE_START.text(bare['spawn_to_next'])}"
        if WARM.name in bare:
            floor += f" and answers in {WARM.text(bare[WARM.name])}"
        lines.append(f"measuring itself: {cost} of CPU time for each invocation; {floor}")
        return [*lines, *(f"note: {note}" for note in self.outcome.notes), *self.verdicts()]

    def _bare(self) -> dict[str, list[float]]:
        return self.outcome.figures[self.plan.bare.label]

    def _measured(self) -> list[Measure]:
        return [measure for measure in MEASURES if measure.name in self.outcome.figures[self.plan.ours.label]]

    def _ours(self, measure: Measure) -> float:
        value = self.outcome.median(self.plan.ours, measure.name)
        assert value is not None, f"{measure.name} has a budget and was not measured"
        return value

    def _row(self, measure: Measure) -> list[str]:
        values = [self.outcome.median(contender, measure.name) for contender in self.contenders]
        cells = [measure.title, *("" if value is None else measure.text(value) for value in values)]
        if self.is_comparison:
            cells.append(interval_text(self._ratio(measure), self.plan.rounds))
        return cells

    def _measure_as_json(self, measure: Measure) -> dict[str, Any]:
        fields: dict[str, Any] = {"name": measure.name, "title": measure.title, "unit": measure.unit, "figures": {}}
        for contender in self.contenders:
            figures = self.outcome.figures[contender.label][measure.name]
            fields["figures"][contender.label] = {"median": median(figures), "rounds": figures}
        if self.is_comparison:
            fields["ratio"] = interval_fields(self._ratio(measure), self.plan.rounds)
        return fields

    def _ratio(self, measure: Measure) -> Interval | None:
        ours, theirs = self.contenders
        return self.outcome.ratio(ours, theirs, measure.name)


def circumstances(machine: dict[str, str | int], contenders: Sequence[Contender]) -> str:
    """Return a line about the machine, the interpreter and the runtimes."""
    return (
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['system']} {machine['architecture']}, "
        f"{machine['python']}; " + ", ".join(f"{each.label} {each.version}".strip() for each in contenders)
    )


def interval_text(ratio: Interval | None, rounds: int) -> str:
    """Return a ratio with its interval, which few rounds do not have; "" for None."""
    if ratio is None:
        return ""
    return f"{ratio.value:.2f}" + (f" [{ratio.low:.2f}, {ratio.high:.2f}]" if rounds >= FEWEST_ROUNDS else "")


def interval_fields(ratio: Interval | None, rounds: int) -> dict[str, float | None] | None:
    """Return the JSON of a ratio, with null for bounds that do not exist."""
    if ratio is None:
        return None
    low, high = (ratio.low, ratio.high) if rounds >= FEWEST_ROUNDS else (None, None)
    return {"value": ratio.value, "low": low, "high": None if high == math.inf else high}  # JSON knows no infinity
