"""A comparison: check that both runtimes give the same results, then measure one process of each in every round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from .confidence import Interval, ratio
from .contenders import Contender
from .errors import ClientFailed, HandlerFailed, InitFailed
from .measures import MEASURES
from .posted_results import PostedResult
from .run import Run, Runner

CHECKED = 3
"""The minimum of warm invocations when results are compared."""

CHANGING = "the results change from run to run, so they could not be compared"
_WARM_S = 0.5  # of warm invocations in a run, unless their number is given
_FEWEST, _MOST = 5, 100


@dataclass(frozen=True)
class Event:
    """An event as JSON, and its name in messages."""

    name: str
    body: bytes


@dataclass(frozen=True)
class Plan:
    """What to measure. `invocations` are the warm ones of a run; None means as many as fit into half a second."""

    ours: Contender
    theirs: Contender | None
    bare: Contender
    events: Sequence[Event]
    rounds: int
    invocations: int | None = None


class Progress(Protocol):
    """Receiver of the progress."""

    def stage(self, text: str, steps: int | None = None) -> None:
        """Show that a stage begins; `steps` is the number of its processes."""

    def step(self) -> None:
        """Show that one step is done."""


@dataclass
class Comparison:
    """Result of a comparison: figures by contender and measure, one for each round in order.

    Attributes:
        figures: contender's label to measure's name to figures, in seconds or bytes.
        invocations: warm ones of each run.
        server_cpu_s: CPU time of the measuring program for an invocation, median of all rounds.
        differences: texts about different results of the other runtime, which was then not measured.
        notes: further texts about the comparison.
    """

    invocations: int
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    server_cpu_s: float = 0.0
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def median(self, contender: Contender, measure: str) -> float | None:
        """Return the median over all rounds; None if it was not measured."""
        figures = self.figures.get(contender.label, {}).get(measure)
        return median(figures) if figures else None

    def ratio(self, ours: Contender, theirs: Contender, measure: str) -> Interval | None:
        """Return ours divided by theirs; None if one was not measured."""
        try:
            return ratio(
                self.figures.get(ours.label, {}).get(measure, []), self.figures.get(theirs.label, {}).get(measure, [])
            )
        except ValueError:
            return None


def measure(plan: Plan, runner: Runner, progress: Progress) -> Comparison:
    """Check the results, then measure.

    The check is also an uncounted first round: afterwards files are in the page cache, and bytecode is written.

    Raises:
        HandlerFailed: the function fails in our runtime, or in one of its runs.
    """
    progress.stage("comparing the results", 3 if plan.theirs is not None else 2)
    checked = max(len(plan.events), CHECKED)
    try:
        ours = run_function(runner, plan.ours, plan.events, checked)
    except HandlerFailed as failure:
        raise HandlerFailed(f"{failure}{_elsewhere(plan, runner, checked, str(failure))}", failure.output) from None
    progress.step()
    outcome = Comparison(_invocations(plan, ours))
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
            run = run_function(runner, contender, plan.events, outcome.invocations, number)
            _keep(outcome, contender, run)
            progress.step()
        bare = _measure_bare(plan, runner, outcome.invocations)
        _keep(outcome, plan.bare, bare)
        server_cpu_s.append(bare.server_cpu_s)
        progress.step()
    outcome.server_cpu_s = median(server_cpu_s)
    return outcome


def run_function(runner: Runner, contender: Contender, events: Sequence[Event], warm: int, number: int = 0) -> Run:
    """Run the function with `1 + warm` events.

    Raises:
        HandlerFailed: it fails.
    """
    try:
        run = runner.run(contender, [event.body for event in events], warm, number)
    except InitFailed as failure:
        text = f"the init of {runner.function.handler} fails with {contender.label}: {failure}"
        raise HandlerFailed(text, failure.output) from None
    except ClientFailed as failure:
        raise HandlerFailed(f"the process of {contender.label} {failure}", failure.output) from None
    for i, result in enumerate(run.results):
        if result.failed:
            text = f"{contender.label} responds to {_event_name(events, i)} with {result} (invocation {i + 1})"
            raise HandlerFailed(text, run.output)
    return run


def _elsewhere(plan: Plan, runner: Runner, warm: int, ours: str) -> str:
    """Return a text that says whether a function that fails in ours also fails in the other runtime."""
    if plan.theirs is None:
        return ""
    try:
        run_function(runner, plan.theirs, plan.events, warm)
    except HandlerFailed as failure:
        same = str(failure).replace(plan.theirs.label, plan.ours.label) == ours
        return f"; it fails with {plan.theirs.label}, too" if same else f"; {failure}"
    return f"; it does not fail with {plan.theirs.label}"


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


def _compare(plan: Plan, runner: Runner, ours: Run, outcome: Comparison, checked: int) -> bool:
    """Return whether the other runtime gives the same results; if not, add a text to `outcome.differences`."""
    assert plan.theirs is not None
    try:
        theirs = runner.run(plan.theirs, [event.body for event in plan.events], checked)
    except InitFailed as failure:
        outcome.differences.append(f"the init fails with {plan.theirs.label} only: {failure}")
        return False
    except ClientFailed as failure:
        outcome.differences.append(f"the process of {plan.theirs.label} {failure}{_quoted(failure.output)}")
        return False
    difference, is_changing = find_difference(runner, plan.events, (plan.ours, ours), (plan.theirs, theirs))
    if difference:
        outcome.differences.append(difference)
    elif is_changing:
        outcome.notes.append(CHANGING)
    return not difference


def find_difference(
    runner: Runner, events: Sequence[Event], ours: tuple[Contender, Run], theirs: tuple[Contender, Run]
) -> tuple[str, bool]:
    """Compare the results of two runs with the same events.

    Returns:
        A text about the first difference, "" without one, and whether results change from run to run of ours;
        those are not compared, unless theirs is an error.

    Raises:
        HandlerFailed: the function fails when ours is run again.
    """
    (our_contender, our_run), (their_contender, their_run) = ours, theirs
    unequal = _unequal(our_run.results, their_run.results)
    if not unequal:
        return "", False
    again = run_function(runner, our_contender, events, len(our_run.results) - 1)
    changing = set(_unequal(our_run.results, again.results))
    for i in unequal:
        if i not in changing or their_run.results[i].failed:
            said = f"{our_contender.label} returns {our_run.results[i]}, {their_contender.label} {their_run.results[i]}"
            return f"the results for {_event_name(events, i)} differ: {said}", bool(changing)
    return "", bool(changing)


def _unequal(some: Sequence[PostedResult], others: Sequence[PostedResult]) -> list[int]:
    return [i for i, (one, other) in enumerate(zip(some, others, strict=True)) if not one.equals(other)]


def _event_name(events: Sequence[Event], index: int) -> str:
    return events[index % len(events)].name


def _quoted(output: str) -> str:
    lines = output.splitlines()
    return f"; last output: {lines[-1][:300]}" if lines else ""


def _keep(outcome: Comparison, contender: Contender, run: Run) -> None:
    kept = outcome.figures.setdefault(contender.label, {})
    for each in MEASURES:
        if each.name in run.figures and outcome.invocations >= each.fewest:
            kept.setdefault(each.name, []).append(run.figures[each.name])
