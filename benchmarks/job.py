"""What a run consists of: jobs, each of which a contender does in a process of its own and which yields samples."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .applications import Application, built
from .build_cache import BuildCache
from .contenders import Contender
from .events import event_bytes
from .groups import Groups, available
from .loadgen import LoadGenerator

Samples = dict[str, list[float]]
"""Seconds, bytes, counts or bytes a second, by measure."""

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


@dataclass
class Bench:
    """What jobs work with: the load generator, the built applications, events as files, control groups."""

    cache: BuildCache
    loadgen: LoadGenerator
    checked: set[tuple[str, str, str]] = field(default_factory=set)
    """Contender, job and digest of answers that were found right: equal ones are looked at once."""
    _events: dict[str, tuple[Path, Any]] = field(default_factory=dict)
    _groups: Groups | None = None

    def application(self, name: str) -> Application:
        """Return an application, built the first time.

        Raises:
            Unavailable: it needs something that is not here.
        """
        return built(self.cache, name)

    def event(self, name: str) -> tuple[Path, Any]:
        """Return an event as a file and as a value."""
        if name not in self._events:
            content = event_bytes(name)
            path = self.loadgen.scratch / f"event-{name}.json"
            path.write_bytes(content)
            self._events[name] = path, json.loads(content)
        return self._events[name]

    def groups(self) -> Groups:
        """Return where control groups with a CPU quota can be made.

        Raises:
            Unavailable: nowhere.
        """
        if self._groups is None:
            self._groups = available()
        return self._groups

    def environment(self, contender: Contender, application: Application, handler: str) -> dict[str, str]:
        """Return the variables of a process; the contender's own come last."""
        return {
            **ENVIRONMENT,
            "LAMBDA_TASK_ROOT": str(application.root),
            "_HANDLER": f"app.{handler}",
            **application.environment,
            **contender.client.environment,
            **contender.environment,
        }


class Job(Protocol):
    """One kind of process and what is measured of it. Implementations are frozen dataclasses."""

    @property
    def name(self) -> str:
        """How it is called where it could not be done."""

    @property
    def suite(self) -> str:
        """The part of the suite that it belongs to."""

    @property
    def contenders(self) -> tuple[str, ...]:
        """Who does it, by name."""

    @property
    def every(self) -> int:
        """Done in every n-th round only (what is slow and steady)."""

    @property
    def runs_per_round(self) -> int:
        """How often it is done in each of these rounds."""

    @property
    def rehearsed(self) -> bool:
        """Whether it is done in the round that does not count, too."""

    @property
    def measures(self) -> Collection[str]:
        """Return the names of what it measures."""

    def prepare(self, bench: Bench) -> None:
        """Build what it needs, whoever takes part.

        Raises:
            Unavailable: that is not possible here.
        """

    def suits(self, contender: Contender) -> bool:
        """Whether the contender can do it at all."""

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Do it once.

        Raises:
            RunFailed: the contender failed or answered wrongly.
        """
