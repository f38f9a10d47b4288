"""A comparison for people, in a table on a terminal or in plain columns, and for machines as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TextIO

from ..bench.budgets import Budget
from ..bench.confidence import Ratio
from ..bench.contenders import Contender
from ..bench.measures import COLD_START, MEASURES, WARM, Measure
from ..bench.rounds import Outcome, Plan
from .lines import terminal

_BARE_START = Measure("spawn_to_next", "")


@dataclass(frozen=True)
class BenchReport:
    """Everything that is told of a comparison. `machine` is what `describe_machine` returned, and the Python."""

    handler: str
    machine: dict[str, str | int]
    plan: Plan
    outcome: Outcome
    budgets: Sequence[Budget]

    @property
    def contenders(self) -> list[Contender]:
        """Those that were measured, ours first."""
        compared = [self.plan.ours, *([self.plan.theirs] if self.plan.theirs is not None else [])]
        return [contender for contender in compared if contender.label in self.outcome.figures]

    @property
    def is_comparison(self) -> bool:
        """Whether there are two."""
        return len(self.contenders) > 1

    @property
    def within_budgets(self) -> bool:
        """Whether our runtime keeps all of them."""
        return all(budget.met_by(self._ours(budget.measure)) for budget in self.budgets)

    def as_json(self) -> dict[str, Any]:
        """The same for machines: seconds and bytes, each figure of each round, in order."""
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
        """Write the table, what it was measured on, what measuring cost, and what became of the budgets."""
        machine, outcome = self.machine, self.outcome
        lines = [
            f"{self.handler}: {_count(self.plan.rounds, 'round')}, in each a process of its own with "
            f"a first and {_count(outcome.invocations, 'warm invocation')}; medians of the rounds",
            f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['system']} {machine['architecture']}, "
            f"{machine['python']}; " + ", ".join(f"{each.label} {each.version}".strip() for each in self.contenders),
        ]
        columns = ["", *(contender.label for contender in self.contenders)]
        if self.is_comparison:
            columns.append("ours / theirs")
        _write(stream, lines, columns, [self._row(measure) for measure in self._measured()], self._below())

    def verdicts(self) -> list[str]:
        """A line for each budget."""
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

    def _ratio(self, measure: Measure) -> Ratio | None:
        ours, theirs = self.contenders
        return self.outcome.ratio(ours, theirs, measure.name)

    def _row(self, measure: Measure) -> list[str]:
        values = [self.outcome.median(contender, measure.name) for contender in self.contenders]
        cells = [measure.title, *("" if value is None else measure.text(value) for value in values)]
        if self.is_comparison:
            cells.append(_ratio_text(self._ratio(measure)))
        return cells

    def _measure_as_json(self, measure: Measure) -> dict[str, Any]:
        fields: dict[str, Any] = {"name": measure.name, "title": measure.title, "unit": measure.unit, "figures": {}}
        for contender in self.contenders:
            figures = self.outcome.figures[contender.label][measure.name]
            fields["figures"][contender.label] = {"median": median(figures), "rounds": figures}
        if self.is_comparison:
            fields["ratio"] = _ratio_as_json(self._ratio(measure))
        return fields


def _ratio_text(found: Ratio | None) -> str:
    if found is None:
        return ""
    interval = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f}{interval}"


def _ratio_as_json(found: Ratio | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    high = found.high if found.high is None or math.isfinite(found.high) else None  # JSON knows no infinity
    return {"value": found.value, "low": found.low, "high": high}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _write(
    stream: TextIO, above: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[str]], below: Sequence[str]
) -> None:
    console = terminal(stream)
    if console is None:
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        table = [
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (columns, *rows)
        ]
        text = "\n".join([*above, "", *table, "", *below])
        encoding = stream.encoding or "utf-8"
        # Not every terminal has a µ; it must not cost the figures.
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table_ = Table(box=box.SIMPLE_HEAD)
    for i, column in enumerate(columns):
        table_.add_column(Text(column), justify="right" if i else "left", overflow="fold")
    for row in rows:
        table_.add_row(*(Text(cell) for cell in row), style="bold" if row[0] == COLD_START.title else None)
    for line in above:
        console.print(Text(line))
    console.print(table_, soft_wrap=False)
    for line in below:
        console.print(Text(line, style="bold red" if line.startswith("budget EXCEEDED") else ""))
