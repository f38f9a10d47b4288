"""Runs the jobs, interleaved A B C A B C, and collects the samples of correct responses."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from .build_cache import PROJECT, Unavailable
from .contenders import Contender, Registry
from .job import ENVIRONMENT as ENVIRONMENT  # other modules import it from here
from .job import Bench, Job
from .job import Samples as OfRun
from .loadgen import RunFailed

Progress = Callable[[str, int, int], None]
"""Called before each run with a description, the number of finished runs and the planned number."""


@dataclass
class Samples:
    """Samples by contender and measure, from runs of equal length in the order of the rounds."""

    wanted: Collection[str] | None = None
    """Measures to keep, or None for all."""
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    per_run: dict[str, int] = field(default_factory=dict)

    def add(self, contender: str, run: OfRun) -> None:
        """Keep the samples of one run."""
        for measure, samples in run.items():
            if self.wanted is None or measure in self.wanted:
                self.per_run[measure] = len(samples)
                self.values.setdefault(contender, {}).setdefault(measure, []).extend(samples)

    def drop(self, contender: str, job: Job) -> None:
        """Discard the samples of a contender in a job in which it failed."""
        for measure in job.measures:
            self.values.get(contender, {}).pop(measure, None)


@dataclass
class Runner:
    """One benchmark run: contenders by name, jobs, samples, and reasons for skipping."""

    bench: Bench
    registry: Registry
    samples: Samples = field(default_factory=Samples)
    skipped: dict[str, str] = field(default_factory=dict)
    _contenders: dict[str, Contender] = field(default_factory=dict)
    _jobs: list[Job] = field(default_factory=list)

    def prepare(self, jobs: Sequence[Job], progress: Progress) -> None:
        """Build the contenders and everything else that the jobs need; skip with the reason if that fails."""
        for number, job in enumerate(jobs):
            progress(f"preparing {job.name}", number, len(jobs))
            try:
                job.prepare(self.bench)
            except Unavailable as reason:
                self.skipped[job.name] = self._without_paths(reason)
            else:
                self._jobs.append(job)
        names = list(dict.fromkeys(name for job in self._jobs for name in job.contenders))
        for number, name in enumerate(names):
            progress(f"building {name}", number, len(names))
            try:
                self._contenders[name] = self.registry.contender(name)
            except Unavailable as reason:
                self.skipped[name] = self._without_paths(reason)

    def run(self, rounds: int, *, budget: float | None = None, progress: Progress) -> int:
        """Run a first round that does not count and then `rounds` more; return the number of counted rounds.

        The jobs that disturb others have their rounds after those of the others.

        With a budget in seconds no round starts that would exceed it. If the first counted round exceeds it, the
        remaining jobs are skipped.
        """
        plans = [
            (number, self._plan(number, disturbing)) for disturbing in (False, True) for number in range(rounds + 1)
        ]
        total, done, started = sum(len(plan) for _, plan in plans), 0, time.monotonic()
        took: dict[int, float] = {}  # seconds by length of the plan: rounds with large events take longer
        for number, plan in plans:
            round_started = time.monotonic()
            expected = took.get(len(plan), max(took.values(), default=0.0))
            if number > 1 and budget is not None and round_started - started + expected > budget:
                return number - 1
            for job, name in plan:
                if number and budget is not None and self._too_late(job, time.monotonic() - started > budget):
                    continue
                progress(f"{job.name} {name}", done, total)
                done += 1
                self._run_one(job, name, counts=number > 0)
            if number:
                took[len(plan)] = time.monotonic() - round_started
        return rounds

    def _too_late(self, job: Job, over: bool) -> bool:
        begun = any(measure in values for values in self.samples.values.values() for measure in job.measures)
        if over and not begun:
            self.skipped[job.name] = "the time budget was used up"
        return job.name in self.skipped

    def close(self) -> None:
        """Remove the scratch files of this run."""
        shutil.rmtree(self.bench.loadgen.scratch, ignore_errors=True)

    def _without_paths(self, reason: Exception) -> str:
        # The results contain the reason, and people pass results on.
        return str(reason).replace(str(self.bench.cache.build), "BUILD").replace(str(PROJECT), ".")

    def _plan(self, number: int, disturbing: bool) -> Sequence[tuple[Job, str]]:
        plan: list[tuple[Job, str]] = []
        for job in self._jobs:
            left_out = (number - 1) % job.every if number else not job.rehearsed
            if left_out or job.disturbing is not disturbing:
                continue
            names = [n for n in job.contenders if n in self._contenders and job.suits(self._contenders[n])]
            plan += [(job, name) for _ in range(job.runs_per_round if number else 1) for name in names]
        return plan

    def _run_one(self, job: Job, name: str, *, counts: bool) -> None:
        where = f"{name} in {job.name}"
        if where in self.skipped:
            return
        try:
            run = job.run(self.bench, self._contenders[name])
        except RunFailed as reason:
            # One failure removes a contender from the job: its earlier responses may have been wrong, too.
            self.skipped[where] = self._without_paths(reason)
            self.samples.drop(name, job)
            return
        if counts:
            self.samples.add(name, run)
