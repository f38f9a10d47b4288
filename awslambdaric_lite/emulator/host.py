"""One function in one event loop, used by every front end: its environments, its invocations and its files."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .config.function import LATEST, FunctionConfig
from .environments.classic import ClassicEnvironment
from .environments.environment import ExecutionEnvironment
from .environments.filesystem import Layout
from .environments.managed import ManagedEnvironment
from .environments.pool import EnvironmentPool
from .environments.processes import EnvironmentProcesses
from .errors import FunctionUnavailable, LocalLambdaClosed, TooManyRequests, UnknownQualifier
from .functions.versions import Versions
from .functions.workspace import Workspace
from .http.faults import Faults
from .logs.stream import LineSink
from .results import Invocation

if TYPE_CHECKING:
    from .functions.limits import AccountConcurrency

_T = TypeVar("_T")
_LAST_WORDS_S = 1.0  # for a runtime that has replied to poll again before it is closed


class FunctionHost:
    """Host of a function, with its versions, until `close`; all calls come from one event loop.

    It has files and processes from `start`, or the first invocation, on. `workspace` has a folder for the files,
    `variables` returns variables that the function gets unless it sets them, `account` is a limit for several
    functions, and `unavailable` says why the function cannot run here.
    """

    def __init__(
        self,
        function: FunctionConfig,
        on_log: LineSink | None = None,
        on_invocation: Callable[[Invocation], None] | None = None,
        *,
        workspace: Workspace | None = None,
        variables: Callable[[], Mapping[str, str]] = dict,
        account: AccountConcurrency | None = None,
        unavailable: str = "",
    ) -> None:
        self.versions = Versions(function)
        self.unavailable = unavailable
        """Why the function cannot run here; a reload ends it, unless it holds from the beginning."""
        self._unavailable = unavailable
        self.faults = Faults()
        """Faults between the runtimes of all environments and their Runtime APIs."""
        self.on_activity: Callable[[bool], None] = lambda runs: None
        """Called when the function's processes begin to run (True), and when all of them are frozen or gone (False)."""
        self._active: set[EnvironmentProcesses] = set()
        self.warnings: list[str] = []
        """What differs from AWS on this machine; known when it has started."""
        self._on_log = on_log
        self._on_invocation = on_invocation
        self._variables = variables
        self._account = account
        self._numbers = itertools.count()
        self._workspace = workspace or Workspace()
        self._layouts: dict[str, Layout] = {}
        """The files of `$LATEST` and of the published versions that were used."""
        self._preparing = asyncio.Lock()
        self._closing = False
        self._running: dict[asyncio.Task[None], Invocation] = {}
        self.pool = EnvironmentPool(self._create, function.concurrency, function.idle_timeout_s)

    @property
    def function(self) -> FunctionConfig:
        """The settings of `$LATEST`."""
        return self.versions.latest

    async def start(self) -> None:
        """Prepare for invocations, and wait for the provisioned environments."""
        await self._prepare(LATEST)
        await self.provision()

    async def provision(self) -> None:
        """Start and close environments until each version has its provisioned ones; wait until they are ready."""
        wanted = self.versions.provisioned
        others = {each.version for each in self.pool.environments if each.provisioned} - set(wanted)
        for version, number in {**dict.fromkeys(others, 0), **wanted}.items():
            await self._prepare(version)
            await self.pool.provision(version, number)

    async def reload(self, function: FunctionConfig | None = None) -> None:
        """Reload the code of `$LATEST`: later invocations get new environments, running ones complete in theirs.

        A `function` with other variables replaces the settings.

        Raises:
            InvalidFunction, OSError: the package or a layer is damaged or cannot be read; the old code stays.
        """
        async with self._preparing:
            before, function = self.function, function or self.function
            if function.layers or not function.task_root.is_dir() or function.task_root != before.task_root:
                folder = self._workspace.folder / f"reload-{next(self._numbers)}"
                folder.mkdir()
                self._layouts[LATEST] = await _lay_out(function, folder)
            self.versions.latest = function
            self.unavailable = self._unavailable
        self.pool.retire_all(except_for=self.versions.published)
        if self._layouts:
            await self.provision()

    async def publish(self, version: str) -> None:
        """Publish the settings and a copy of the code of `$LATEST` as a version.

        Raises:
            OSError: the code cannot be copied.
        """
        from .functions.code import freeze

        async with self._preparing:
            folder = self._workspace.folder / f"version-{version}"
            self.versions.published[version] = await _in_thread(freeze, self.function, folder)

    def forget_other_versions(self) -> None:
        """End the environments of versions that were deleted, after their invocations."""
        known = (LATEST, self.function.default_version, *self.function.aliases.values(), *self.versions.published)
        self.pool.retire_all(except_for=known)
        for version in set(self._layouts) - set(known):
            del self._layouts[version]

    async def finish(self) -> None:
        """Wait until no invocation runs."""
        while self._running:
            await asyncio.wait(self._running)

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
            self._workspace.close()

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
        try:
            self.require_available()
            if self._account is not None:
                self._account.enter(self.function.name, invocation)
        except (FunctionUnavailable, TooManyRequests) as error:
            invocation.abandon(error)
            return
        task = asyncio.get_running_loop().create_task(self._run(invocation, queue=queue))
        self._running[task] = invocation
        task.add_done_callback(self._done)

    def require_available(self) -> None:
        """Check that the function can run here.

        Raises:
            FunctionUnavailable: it cannot.
        """
        if self.unavailable:
            raise FunctionUnavailable(self.unavailable)

    def note(self, line: str) -> None:
        """Show a line of the local Lambda itself among those of the log."""
        if self._on_log is not None:
            self._on_log(line)

    def _note_activity(self, environment: EnvironmentProcesses, runs: bool) -> None:
        before = bool(self._active)
        if runs:
            self._active.add(environment)
        else:
            self._active.discard(environment)
        if before != bool(self._active):
            self.on_activity(runs)

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

    async def _run(self, invocation: Invocation, *, queue: bool) -> None:
        if invocation.version in self.versions.deleted:  # e.g. of an event that waited
            raise UnknownQualifier(f"Function not found: {self.function.arn}:{invocation.version}")
        if self._key(invocation.version) not in self._layouts:
            await self._prepare(invocation.version)
        await self.pool.run(invocation, queue=queue)

    def _key(self, version: str) -> str:
        return version if version in self.versions.published else LATEST

    async def _prepare(self, version: str) -> None:
        """Prepare the files of a version, once."""
        key = self._key(version)
        async with self._preparing:
            if key in self._layouts:
                return
            folder = self._workspace.folder
            if key != LATEST:
                folder /= f"reload-{next(self._numbers)}"
                folder.mkdir()
            self._layouts[key] = layout = await _lay_out(self.versions.settings(version), folder)
            if key == LATEST:
                self.warnings = layout.warnings

    def _create(self, version: str, provisioned: bool) -> ExecutionEnvironment:
        function = self.versions.settings(version)
        kind = ClassicEnvironment if function.managed_concurrency is None else ManagedEnvironment
        environment = kind(
            function,
            self._layouts[self._key(version)].environment(next(self._numbers)),
            self._workspace.watcher,
            self._on_log,
            version=version,
            provisioned=provisioned,
            faults=self.faults,
        )
        environment.variables = self._variables()
        environment.on_activity = self._note_activity
        return environment


async def _lay_out(function: FunctionConfig, folder: Path) -> Layout:
    """Return the files of a function, which are unpacked in a folder."""
    if function.task_root.is_dir() and not function.layers:
        return Layout(function, folder)
    return await _in_thread(Layout, function, folder)


async def _in_thread(work: Callable[[FunctionConfig, Path], _T], function: FunctionConfig, folder: Path) -> _T:
    """Write files into a folder in a thread, so that other functions are served meanwhile; return the result."""
    writing = asyncio.ensure_future(asyncio.to_thread(work, function, folder))
    try:
        return await asyncio.shield(writing)
    finally:
        if not writing.done():  # cancelled; the folder can be removed when the thread has ended
            await asyncio.wait({writing})
