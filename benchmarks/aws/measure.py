"""Rounds of cold starts, with each function once in each round, so that slow changes affect all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .account import Account
from .coldstarts import ColdStarts, Wrong, cold_start, invoke

Advance = Callable[[str], None]
"""Called with a description of the next step."""


@dataclass
class Measured:
    """The results of a run up to now."""

    functions: list[ColdStarts]
    skipped: dict[str, str]
    warm: int
    """Warm invocations after each cold start."""
    rounds: int = 0

    def has_samples(self) -> bool:
        """Return whether any function has a complete round."""
        return self.rounds > 0 and any(function.reports for function in self.functions)

    def whole_rounds(self) -> list[ColdStarts]:
        """Return the results without the interrupted round."""
        return [
            ColdStarts(each.deployment, each.reports[: self.rounds], each.warm[: self.rounds * self.warm])
            for each in self.functions
        ]


def measure(account: Account, measured: Measured, rounds: int) -> None:
    """Measure; drop a function that fails or responds wrongly, with its earlier samples."""
    failed: set[str] = set()
    with _progress(rounds * len(measured.functions)) as advance:
        for number in range(rounds):
            for function in (each for each in measured.functions if each.deployment.name not in failed):
                name = f"{function.deployment.variant.name} at {function.deployment.memory_mb} MB"
                advance(f"round {number + 1}, {name}")
                try:
                    report = cold_start(account, function.deployment, str(number))
                    warm = [invoke(account, function.deployment) for _ in range(measured.warm)]
                except Wrong as reason:
                    failed.add(function.deployment.name)
                    measured.skipped[name] = str(reason)
                    function.reports, function.warm = [], []
                    continue
                function.reports.append(report)
                function.warm += warm
            if len(failed) == len(measured.functions):
                return
            measured.rounds = number + 1


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ImportError:
        yield lambda what: None
        return
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=total)
        # The first call announces the first step, so none is finished then.
        done = iter(range(total))
        yield lambda what: bar.update(task, description=what, completed=next(done, total))
