"""Runs the scenarios, interleaved A B C A B C, and collects the samples of answers that were right."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .contenders import APP, Contender, Registry
from .loadgen import CHUNKED_ABOVE, LoadGenerator, Run, RunFailed
from .scenarios import Scenario, event_bytes
from .workshop import PROJECT, Unavailable, Workshop

# What every function has on AWS; the same for all contenders.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": ":UTC",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/benchmark",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2020/03/12/[$LATEST]0123456789abcdef0123456789abcdef",
}

Progress = Callable[[str, int, int], None]
"""Called before each run with what runs, the runs done and their number as planned."""


@dataclass
class Samples:
    """What was measured: per contender and measure the samples of runs of equal length, in the order of the rounds."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    per_run: dict[str, int] = field(default_factory=dict)

    def add(self, contender: str, scenario: Scenario, figures: Mapping[str, Any]) -> None:
        """Keep the samples of one run."""
        for measure, value in scenario.measures.items():
            samples = value(dict(figures))
            self.per_run[measure] = len(samples)
            self.values.setdefault(contender, {}).setdefault(measure, []).extend(samples)

    def drop(self, contender: str, scenario: Scenario) -> None:
        """Forget what a contender measured in a scenario in which it failed."""
        for measure in scenario.measures:
            self.values.get(contender, {}).pop(measure, None)


@dataclass
class Runner:
    """One benchmark run: contenders by name, scenarios, and what came of them."""

    workshop: Workshop
    loadgen: LoadGenerator
    registry: Registry
    samples: Samples = field(default_factory=Samples)
    skipped: dict[str, str] = field(default_factory=dict)
    _contenders: dict[str, Contender] = field(default_factory=dict)
    _checked: set[tuple[str, str, str]] = field(default_factory=set)
    _events: dict[str, tuple[Path, Any]] = field(default_factory=dict)

    def prepare(self, names: Iterable[str]) -> None:
        """Build the contenders; one that cannot be built is skipped and the reason kept."""
        for name in dict.fromkeys(names):
            try:
                self._contenders[name] = self.registry.contender(name)
            except Unavailable as reason:
                self.skipped[name] = self._without_paths(reason)
        self._app = self.workshop.stage("app", (APP, "."))

    def run(
        self, scenarios: Sequence[Scenario], rounds: int, *, budget: float | None = None, progress: Progress
    ) -> int:
        """Run round after round, a first one that does not count; return how many did.

        With a budget in seconds no round is started that would exceed it.
        """
        plans = [self._plan(scenarios, number) for number in range(rounds + 1)]
        total, done, started = sum(map(len, plans)), 0, time.monotonic()
        took: dict[int, float] = {}  # by length of the plan: rounds with large events take longer than those without
        for number, plan in enumerate(plans):
            round_started = time.monotonic()
            expected = took.get(len(plan), max(took.values(), default=0.0))
            if number > 1 and budget is not None and round_started - started + expected > budget:
                return number - 1
            for scenario, name in plan:
                progress(f"{scenario.name} {name}", done, total)
                done += 1
                self._run_one(scenario, name, counts=number > 0)
            if number:
                took[len(plan)] = time.monotonic() - round_started
        return rounds

    def close(self) -> None:
        """Remove the scratch files of this run."""
        shutil.rmtree(self.loadgen.scratch, ignore_errors=True)

    def _without_paths(self, reason: Exception) -> str:
        # The reason is kept in results, which travel.
        return str(reason).replace(str(self.workshop.build), "BUILD").replace(str(PROJECT), ".")

    def _plan(self, scenarios: Sequence[Scenario], number: int) -> list[tuple[Scenario, str]]:
        plan = []
        for scenario in scenarios:
            if number and (number - 1) % scenario.every:
                continue
            names = [n for n in scenario.contenders if n in self._contenders and self._suits(scenario, n)]
            plan += [(scenario, name) for _ in range(scenario.runs_per_round if number else 1) for name in names]
        return plan

    def _suits(self, scenario: Scenario, name: str) -> bool:
        client = self._contenders[name].client
        chunked = self._event(scenario.event)[0].stat().st_size > CHUNKED_ABOVE
        return scenario.handler in client.handlers and (client.chunked_events or not chunked)

    def _run_one(self, scenario: Scenario, name: str, *, counts: bool) -> None:
        where = f"{name} in {scenario.name}"
        if where in self.skipped:
            return
        contender = self._contenders[name]
        try:
            figures = self._measure(scenario, contender).figures
        except RunFailed as reason:
            # A contender that fails once is out of the scenario: what it did before may have been as wrong.
            self.skipped[where] = self._without_paths(reason)
            self.samples.drop(name, scenario)
            return
        if counts:
            self.samples.add(name, scenario, figures)

    def _measure(self, scenario: Scenario, contender: Contender) -> Run:
        path, event = self._event(scenario.event)
        environment = {
            **ENVIRONMENT,
            "LAMBDA_TASK_ROOT": str(self._app),
            "_HANDLER": f"app.{scenario.handler}",
            **contender.client.environment,
            **contender.environment,
        }
        run = self.loadgen.run(
            contender.command(scenario.handler),
            environment,
            event=path,
            cwd=self._app,
            warmup=scenario.warmup,
            count=scenario.count,
            rest=scenario.rest,
            timeout=scenario.timeout,
        )
        for answer, is_error in ((run.first, run.figures["first_is_error"]), (run.last, run.figures["last_is_error"])):
            # Errors carry a request id and are small: always compared. Equal answers of the rest are compared once.
            key = (contender.name, scenario.name, hashlib.sha256(answer).hexdigest())
            if key not in self._checked:
                scenario.check(contender, answer, is_error, event)
                self._checked.add(key)
        return run

    def _event(self, name: str) -> tuple[Path, Any]:
        if name not in self._events:
            content = event_bytes(name)
            path = self.loadgen.scratch / f"event-{name}.json"
            path.write_bytes(content)
            self._events[name] = path, json.loads(content)
        return self._events[name]
