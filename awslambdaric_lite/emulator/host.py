"""One function in one event loop, used by every front end: its environments, its invocations and its files."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .config.function import FunctionConfig
from .environments.classic import ClassicEnvironment
from .environments.environment import ExecutionEnvironment
from .environments.filesystem import Layout
from .environments.managed import ManagedEnvironment
from .environments.parent_death_watcher import ParentDeathWatcher
from .environments.pool import EnvironmentPool
from .errors import LocalLambdaClosed
from .http.faults import Faults
from .logs.stream import LineSink
from .results import Invocation

_LAST_WORDS_S = 1.0  # for a runtime that has replied to poll again before it is closed


class FunctionHost:
    """Host of a function from `start` to `close`; all calls come from the event loop in which it was started."""

    def __init__(
        self,
        function: FunctionConfig,
        on_log: LineSink | None = None,
        on_invocation: Callable[[Invocation], None] | None = None,
    ) -> None:
        self.function = function
        self.faults = Faults()
        """Faults between the runtimes of all environments and their Runtime APIs."""
        self.warnings: list[str] = []
        """What differs from AWS on this machine; known when it has started."""
        self._on_log = on_log
        self._on_invocation = on_invocation
        self._numbers = itertools.count()
        self._scratch: Path | None = None
        self._layout: Layout | None = None
        self._watcher: ParentDeathWatcher | None = None
        self._closing = False
        self._running: dict[asyncio.Task[None], Invocation] = {}
        self.pool = EnvironmentPool(self._create, function.concurrency, function.idle_timeout_s)

    async def start(self) -> None:
        """Prepare for invocations, and wait for the provisioned environments."""
        self._scratch = Path(tempfile.mkdtemp(prefix="local-lambda-"))
        with contextlib.suppress(OSError):  # without a shell no watcher runs, and close() has to clean up
            self._watcher = ParentDeathWatcher(self._scratch)
        self._layout = Layout(self.function, self._scratch)
        self.warnings = self._layout.warnings
        await self.pool.provision(self.function.default_version, self.function.provisioned)

    async def reload(self) -> None:
        """Reload the code: later invocations get new environments, running ones complete in theirs.

        Raises:
            InvalidFunction, OSError: the package or a layer is damaged or cannot be read; the old code stays.
        """
        assert self._scratch is not None
        if self.function.layers or not self.function.task_root.is_dir():
            folder = self._scratch / f"reload-{next(self._numbers)}"
            folder.mkdir()
            self._layout = Layout(self.function, folder)
        self.pool.retire_all()
        await self.pool.provision(self.function.default_version, self.function.provisioned)

    async def close(self) -> None:
        """Kill every process, remove every file and fail every invocation that still waits."""
        self._closing = True
        try:
            await self._finish_answered()
            for task in self._running:
                task.cancel()
            await self.pool.close()
            await asyncio.gather(*self._running, return_exceptions=True)
        finally:
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)
            if self._watcher is not None:
                self._watcher.close()

    def submit(self, invocation: Invocation, *, queue: bool = False) -> None:
        """Run an invocation; its futures receive the outcome.

        At the concurrency limit it waits if `queue` is true, else its futures raise `TooManyRequests`.
        """
        if self._closing:
            invocation.abandon(LocalLambdaClosed("the local Lambda was closed"))
            return
        invocation.arn = invocation.arn or self.function.arn
        if self._on_invocation is not None:
            self._on_invocation(invocation)
        task = asyncio.get_running_loop().create_task(self.pool.run(invocation, queue=queue))
        self._running[task] = invocation
        task.add_done_callback(self._done)

    def note(self, line: str) -> None:
        """Show a line of the local Lambda itself among those of the log."""
        if self._on_log is not None:
            self._on_log(line)

    async def _finish_answered(self) -> None:
        """Wait for invocations that have an outcome to complete, so that they have logs and reports."""
        answered = [task for task, invocation in self._running.items() if invocation.answered.done()]
        if answered:
            await asyncio.wait(answered, timeout=_LAST_WORDS_S)

    def _done(self, task: asyncio.Task[None]) -> None:
        invocation = self._running.pop(task)
        if task.cancelled():
            invocation.abandon(LocalLambdaClosed("the local Lambda was closed before the invocation was complete"))
        elif (error := task.exception()) is not None:
            invocation.abandon(error)

    def _create(self, version: str, provisioned: bool) -> ExecutionEnvironment:
        assert self._layout is not None
        kind = ClassicEnvironment if self.function.managed_concurrency is None else ManagedEnvironment
        return kind(
            self.function,
            self._layout.environment(next(self._numbers)),
            self._watcher,
            self._on_log,
            version=version,
            provisioned=provisioned,
            faults=self.faults,
        )
