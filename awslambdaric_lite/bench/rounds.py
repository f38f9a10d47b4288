"""The story of a comparison: do both give the same answers, then round after round, one process each, in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from .answers import Answer
from .confidence import Interval, ratio
from .contenders import Contender
from .errors import ClientFailed, HandlerFailed, InitFailed
from .measures import MEASURES
from .run import Run, Runner

_CHECKED = 3  # warm invocations at least, when answers are compared
_WARM_S = 0.5  # of a run, that invocations may take unless their number is given
_FEWEST, _MOST = 5, 100


@dataclass(frozen=True)
class Event:
    """What is sent: the JSON, and what it is called in messages."""

    name: str
    body: bytes


@dataclass(frozen=True)
class Plan:
    """What is measured. `invocations` are the warm ones of a run; None: as many as fit into half a second."""

    ours: Contender
    theirs: Contender | None
    bare: Contender
    events: Sequence[Event]
    rounds: int
    invocations: int | None = None


class Progress(Protocol):
    """Who wants to know how far it is."""

    def stage(self, text: str, steps: int) -> None:
        """A stage begins, with so many steps."""

    def step(self) -> None:
        """One of them is done."""


@dataclass
class Outcome:
    """What came out: figures by contender and measure, one for each round in order.

    Attributes:
        figures: contender's label to measure's name to figures, in seconds or bytes.
        invocations: warm ones of each run.
        server_cpu_s: CPU time that an invocation cost the measuring program, median of all rounds.
        differences: what the other runtime answers differently, in words; then it was not measured.
        notes: what else is to be known of the comparison.
    """

    invocations: int
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    server_cpu_s: float = 0.0
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def median(self, contender: Contender, measure: str) -> float | None:
        """The median over all rounds; None if it was not measured."""
        figures = self.figures.get(contender.label, {}).get(measure)
        return median(figures) if figures else None

    def ratio(self, ours: Contender, theirs: Contender, measure: str) -> Interval | None:
        """Ours divided by theirs; None if one was not measured."""
        try:
            return ratio(
                self.figures.get(ours.label, {}).get(measure, []), self.figures.get(theirs.label, {}).get(measure, [])
            )
        except ValueError:
            return None


def measure(plan: Plan, runner: Runner, progress: Progress) -> Outcome:
    """Check the answers, then measure.

    The checking is the first, uncounted round, too: files are in the page cache then, and bytecode is written.

    Raises:
        HandlerFailed: the function fails in our runtime, or in one of its runs.
    """
    progress.stage("comparing the answers", 3 if plan.theirs is not None else 2)
    checked = max(len(plan.events), _CHECKED)
    try:
        ours = _run(runner, plan, plan.ours, checked, 0)
    except HandlerFailed as failure:
        raise HandlerFailed(f"{failure}{_elsewhere(plan, runner, checked, str(failure))}", failure.output) from None
    progress.step()
    outcome = Outcome(_invocations(plan, ours))
    contenders = [plan.ours]
    if plan.theirs is not None:
        if _compare(plan, runner, ours, outcome, checked):
            contenders.append(plan.theirs)
        progress.step()
    _measure_bare(plan, runner, outcome.invocations)
    progress.step()

    progress.stage("measuring", plan.rounds * (len(contenders) + 1))
    server_cpu_s = []
    for number in range(1, plan.rounds + 1):
        for contender in contenders:
            run = _run(runner, plan, contender, outcome.invocations, number)
            _keep(outcome, contender, run)
            progress.step()
        bare = _measure_bare(plan, runner, outcome.invocations)
        _keep(outcome, plan.bare, bare)
        server_cpu_s.append(bare.server_cpu_s)
        progress.step()
    outcome.server_cpu_s = median(server_cpu_s)
    return outcome


def _run(runner: Runner, plan: Plan, contender: Contender, warm: int, number: int) -> Run:
    """Run the function, and refuse to go on when it fails."""
    try:
        run = runner.run(contender, [event.body for event in plan.events], warm, number)
    except InitFailed as failure:
        text = f"the init of {runner.function.handler} fails with {contender.label}: {failure}"
        raise HandlerFailed(text, failure.output) from None
    except ClientFailed as failure:
        raise HandlerFailed(f"the process of {contender.label} {failure}", failure.output) from None
    for i, answer in enumerate(run.answers):
        if answer.failed:
            text = f"{contender.label} answers {_event_name(plan, i)} with {answer} (invocation {i + 1} of its process)"
            raise HandlerFailed(text, run.output)
    return run


def _elsewhere(plan: Plan, runner: Runner, warm: int, ours: str) -> str:
    """What the other runtime makes of a function that fails in ours: whose fault it is shows there."""
    if plan.theirs is None:
        return ""
    try:
        _run(runner, plan, plan.theirs, warm, 0)
    except HandlerFailed as failure:
        same = str(failure).replace(plan.theirs.label, plan.ours.label) == ours
        return f"; with {plan.theirs.label} it is the same" if same else f"; {failure}"
    return f"; with {plan.theirs.label} it does not fail"


def _measure_bare(plan: Plan, runner: Runner, warm: int) -> Run:
    try:
        return runner.run(plan.bare, [b"{}"], warm)
    except ClientFailed as failure:
        raise HandlerFailed(f"the interpreter itself cannot be measured: it {failure}", failure.output) from None


def _invocations(plan: Plan, checked: Run) -> int:
    if plan.invocations is not None:
        return plan.invocations
    fitting = int(_WARM_S / checked.figures["event_to_next_p50"])
    return max(min(max(fitting, _FEWEST), _MOST), len(plan.events) - 1)


def _compare(plan: Plan, runner: Runner, ours: Run, outcome: Outcome, checked: int) -> bool:
    """Whether the other runtime gives the same answers; if not, `outcome.differences` says where."""
    assert plan.theirs is not None
    try:
        theirs = runner.run(plan.theirs, [event.body for event in plan.events], checked)
    except InitFailed as failure:
        outcome.differences.append(f"the init fails with {plan.theirs.label} only: {failure}")
        return False
    except ClientFailed as failure:
        outcome.differences.append(f"the process of {plan.theirs.label} {failure}{_quoted(failure.output)}")
        return False
    unequal = _unequal(ours.answers, theirs.answers)
    if not unequal:
        return True
    again = _run(runner, plan, plan.ours, checked, 0)
    changing = set(_unequal(ours.answers, again.answers))
    for i in unequal:
        if i not in changing or theirs.answers[i].failed:
            said = f"{plan.ours.label} answers {ours.answers[i]}, {plan.theirs.label} {theirs.answers[i]}"
            outcome.differences.append(f"the answers to {_event_name(plan, i)} differ: {said}")
            break  # one says enough, and is likely to be the reason of all
    if changing and not outcome.differences:
        outcome.notes.append("the answers change from run to run by themselves, so that they could not be compared")
    return not outcome.differences


def _unequal(some: Sequence[Answer], others: Sequence[Answer]) -> list[int]:
    return [i for i, (one, other) in enumerate(zip(some, others, strict=True)) if not one.says_the_same_as(other)]


def _event_name(plan: Plan, index: int) -> str:
    return plan.events[index % len(plan.events)].name


def _quoted(output: str) -> str:
    lines = output.splitlines()
    return f"; its last words: {lines[-1][:300]}" if lines else ""


def _keep(outcome: Outcome, contender: Contender, run: Run) -> None:
    kept = outcome.figures.setdefault(contender.label, {})
    for each in MEASURES:
        if each.name in run.figures and outcome.invocations >= each.fewest:
            kept.setdefault(each.name, []).append(run.figures[each.name])
