"""The parts of a run: jobs, each of which starts a process of a contender and yields samples."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .applications import Application, built
from .build_cache import BuildCache
from .contenders import Contender
from .events import event_bytes
from .groups import Groups, available
from .import_files import with_import_files
from .loadgen import LoadGenerator, RunFailed

Samples = dict[str, list[float]]
"""Seconds, bytes, counts or bytes a second, by measure."""

# The variables of every function on AWS, for all contenders.
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
    """The resources of jobs: load generator, applications, events as files, control groups."""

    cache: BuildCache
    loadgen: LoadGenerator
    checked: set[tuple[str, str, str]] = field(default_factory=set)
    """Contender, job and digest of correct responses; equal responses are checked once."""
    _events: dict[str, tuple[Path, Any]] = field(default_factory=dict)
    _groups: Groups | None = None

    def application(self, name: str) -> Application:
        """Return an application, built the first time.

        Raises:
            Unavailable: a package of it cannot be installed.
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
        """Return the place in which control groups with a CPU quota can be made.

        Raises:
            Unavailable: they cannot be made.
        """
        if self._groups is None:
            self._groups = available()
        return self._groups

    def environment(
        self, contender: Contender, application: Application, handler: str, event: str = "tiny"
    ) -> dict[str, str]:
        """Return the variables of a process; the contender's own come last.

        Raises:
            RunFailed: an import list or a bundle, made of the imports of that event, cannot be made.
        """
        whole = f"app.{handler}"
        environment = {
            **ENVIRONMENT,
            "LAMBDA_TASK_ROOT": str(application.root),
            "_HANDLER": whole,
            **application.environment,
            **contender.client.environment,
            **contender.environment,
        }
        return with_import_files(environment, application.root, whole, event_bytes(event), self.cache.python)


def run_script(command: Sequence[str | Path], environment: Mapping[str, str], name: str) -> Any:
    """Return the JSON that the script of the job `name` prints.

    Raises:
        RunFailed: the script failed, or did not end in a minute.
    """
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired as error:
        raise RunFailed(f"{name}: no end after {error.timeout:.0f} s") from error
    if done.returncode:
        raise RunFailed((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    return json.loads(done.stdout)


class Job(Protocol):
    """One kind of process and its measures. Implementations are frozen dataclasses."""

    @property
    def name(self) -> str:
        """Return the name of the job in the list of skipped ones."""

    @property
    def suite(self) -> str:
        """Return the part of the suite that the job belongs to."""

    @property
    def contenders(self) -> tuple[str, ...]:
        """Return the names of the contenders."""

    @property
    def every(self) -> int:
        """Return n if the job runs in every n-th round only, because it is slow and its figures are steady."""

    @property
    def runs_per_round(self) -> int:
        """Return the number of processes in each of these rounds."""

    @property
    def rehearsed(self) -> bool:
        """Return whether the job also runs in the first round, which does not count."""

    @property
    def disturbing(self) -> bool:
        """Return whether the job changes the figures of the job after it, e.g. because it empties the page cache."""

    @property
    def measures(self) -> Collection[str]:
        """Return the names of the measures."""

    def prepare(self, bench: Bench) -> None:
        """Build everything that the job needs for any contender.

        Raises:
            Unavailable: something cannot be built here.
        """

    def suits(self, contender: Contender) -> bool:
        """Return whether the contender can do the job."""

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Do the job once.

        Raises:
            RunFailed: the contender failed or responded wrongly.
        """
