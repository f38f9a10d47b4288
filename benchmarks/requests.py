"""Requests of web applications alone: the time for making them of a parsed event, without any application."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .build_cache import HERE
from .contenders import Contender
from .contenders.python import stage_lite
from .job import ENVIRONMENT, Bench, Samples, run_script

EVENTS = ("apigw", "rest")
GATEWAYS = ("asgi", "wsgi")

_SCRIPT = HERE / "contenders" / "requests" / "measure.py"


@dataclass(frozen=True)
class Requests:
    """A job: one process that makes requests of an event repeatedly."""

    event: str
    contenders: tuple[str, ...] = ("lite",)
    every: int = 4
    rehearsed: bool = False
    disturbing: bool = False
    runs_per_round: int = 3
    suite: str = "requests"

    @property
    def name(self) -> str:
        """Return the name of the job in the list of skipped ones."""
        return f"requests_{self.event}"

    @property
    def measures(self) -> Collection[str]:
        """Return the names of the measures, which are in seconds a request."""
        return [f"request_{gateway}_{self.event}" for gateway in GATEWAYS]

    def prepare(self, bench: Bench) -> None:
        """Build the client.

        Raises:
            Unavailable: its source is not there.
        """
        stage_lite(bench.cache)

    def suits(self, contender: Contender) -> bool:
        """Return whether the contender is this project's client."""
        return contender.base == "lite"

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the process once; the sample is the fastest of its batches.

        Raises:
            RunFailed: the process failed.
        """
        path, _ = bench.event(self.event)
        environment = {**ENVIRONMENT, "PYTHONPATH": str(stage_lite(bench.cache)), **contender.environment}
        found = run_script([bench.cache.python.executable, "-S", _SCRIPT, path], environment, self.name)
        return {f"request_{gateway}_{self.event}": [min(found[gateway])] for gateway in GATEWAYS}
