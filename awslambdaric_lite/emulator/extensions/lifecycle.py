"""The extensions of an execution environment as one thing: started, waited for, told of invocations, shut down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from ...protocol.routes import EXTENSIONS
from ..config.function import FunctionConfig
from ..environments.parent_death_watcher import ParentDeathWatcher
from ..environments.process import RuntimeProcess
from ..http.exchange import Application
from ..logs.extension_events import ExtensionState
from ..logs.stream import LogStream, Output
from ..results import Invocation, InvocationOutcome
from . import payloads, programs
from .api import ExtensionsApi
from .registry import INVOKE, MAX_EXTENSIONS, SHUTDOWN, Extension, ExtensionRegistry, State
from .telemetry import LOGS, TELEMETRY, TelemetryApi

EXTERNAL_BUDGET_S = 2.0  # of a shutdown with external extensions; source: "Lambda runtime environment"
INTERNAL_BUDGET_S = 0.5  # of one with internal extensions only
RUNTIME_BUDGET_S = 0.3  # what the runtime has of the former
MANAGED_RUNTIME_BUDGET_S = 0.6  # and on Managed Instances; source: the open server


class EnvironmentFailure(NamedTuple):
    """Why the environment cannot go on."""

    error_type: str
    reason: str

    def answer(self, request_id: str | None) -> InvocationOutcome:
        """What the caller gets."""
        return payloads.extension_failed(request_id, self.error_type, self.reason)


class ExtensionsObserver(Protocol):
    """Who waits for extensions: the execution environment."""

    def on_extensions_registered(self) -> None:
        """Every external extension has registered."""

    def on_extensions_ready(self) -> None:
        """Every extension that was waited for waits for its next event."""

    def on_extension_failed(self) -> None:
        """An external extension could not be started, or has exited: `Extensions.failure` says more."""


class _Running(NamedTuple):
    process: RuntimeProcess
    output: Output
    gone: asyncio.Event


class Extensions:
    """Every extension, internal or external, from an init to the next reset. The observer of their API."""

    def __init__(
        self,
        function: FunctionConfig,
        version: str,
        log: LogStream,
        observer: ExtensionsObserver,
        watcher: ParentDeathWatcher | None,
    ) -> None:
        self.failure: EnvironmentFailure | None = None
        self.reported_type: str | None = None
        """The platform's name for the first error that an extension reported, if one did: what follows is due to it."""
        self._log = log
        self._observer = observer
        self._watcher = watcher
        self._managed = function.managed_concurrency is not None
        self._registry = ExtensionRegistry(managed=self._managed)
        self._api = ExtensionsApi(self._registry, self, function, version)
        self._telemetry = TelemetryApi(self._registry.find, log)
        self._running: dict[Extension, _Running] = {}
        self._awaited: set[Extension] = set()
        self._shutdown_event: dict[str, object] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._registry)

    @property
    def applications(self) -> dict[str, Application]:
        """What they are served by, by the beginning of a path."""
        return {EXTENSIONS: self._api, TELEMETRY: self._telemetry, LOGS: self._telemetry}

    @property
    def has_external(self) -> bool:
        """Whether there are processes beside the runtime."""
        return bool(self._running)

    @property
    def budget_s(self) -> float:
        """How long a shutdown may take."""
        return EXTERNAL_BUDGET_S if self.has_external else INTERNAL_BUDGET_S

    @property
    def runtime_budget_s(self) -> float:
        """How much of it is the runtime's."""
        if not self.has_external:
            return INTERNAL_BUDGET_S
        return MANAGED_RUNTIME_BUDGET_S if self._managed else RUNTIME_BUDGET_S

    # Init

    @property
    def registered(self) -> bool:
        """Whether the runtime may be started."""
        return self._registry.all_registered

    @property
    def ready(self) -> bool:
        """Whether nobody is waited for."""
        return not self._awaited

    def launch(self, files: Sequence[Path], variables: Mapping[str, str], command: Callable[[Path], list[str]]) -> None:
        """Start the external extensions; what goes wrong is told to the observer.

        `command` makes the command line of a program; an `OSError` of it counts as one of the start.
        """
        environment = programs.extension_environment(variables)
        for program in files:
            extension = self._registry.launch(program.name)
            if len(self) > MAX_EXTENSIONS:
                self._launch_failed(extension, "TooManyExtensions", "ErrTooManyExtensions")
                return
            try:
                self._start(extension, command(program), environment)
            except OSError as error:
                reason = f"fork/exec {program}: {(error.strerror or 'failed').lower()}"
                self._launch_failed(extension, programs.launch_error(error), reason)
                return

    def runtime_is_up(self) -> None:
        """The runtime waits for an invocation or a restore: nobody can register any more, all have to be ready."""
        self._registry.close()
        self._awaited = {extension for extension in self._registry if extension.state is not State.READY}

    def report(self) -> None:
        """Log how each stands; the init is over."""
        for extension in self._registry:
            state = ExtensionState(extension.name, extension.state.value, extension.events, extension.error_type)
            self._log.emit(state)
        self._telemetry.end_of_init()

    # Invocations

    def invoke(self, invocation: Invocation) -> None:
        """Tell those who want to know of an invocation, which is complete only when they are ready again."""
        event = payloads.invoke_event(invocation)
        self._awaited = {extension for extension in self._registry if INVOKE in extension.events}
        for extension in self._awaited:
            if extension.state is State.READY:
                self._api.deliver(extension, event)

    def read_output(self) -> None:
        """Read what has been printed up to now."""
        for running in self._running.values():
            running.process.read_output()

    def peak_memory_mb(self) -> int:
        """The most memory that each external extension ever had, in sum."""
        return sum(running.process.peak_memory_mb() for running in self._running.values())

    def stop(self) -> None:
        """Freeze the external ones."""
        self._telemetry.pause()
        for running in self._running.values():
            running.process.stop()

    def go_on(self) -> None:
        """Thaw them."""
        for running in self._running.values():
            running.process.go_on()
        self._telemetry.resume()

    # The end

    async def flush(self, limit_s: float) -> None:
        """Deliver the telemetry that there is, if that can be done in time."""
        await self._telemetry.flush(limit_s)

    async def shut_down(self, reason: str, limit_s: float) -> None:
        """Let the external ones do their last work, if they want to know, and see to it that they are gone."""
        self._shutdown_event = payloads.shutdown_event(reason, int((time.time() + limit_s) * 1000))
        waiting = []
        for extension, running in self._running.items():
            if SHUTDOWN not in extension.events:
                running.process.kill()
            elif extension.state is State.READY:
                self._api.deliver(extension, self._shutdown_event)
            waiting.append(asyncio.ensure_future(running.gone.wait()))
        if waiting:
            await asyncio.wait(waiting, timeout=limit_s)
        for running in self._running.values():
            running.process.kill()
        await asyncio.gather(*waiting)

    async def close(self) -> None:
        """Kill what is left and stop delivering telemetry."""
        await self.shut_down("failure", 0.0)
        await self._telemetry.close()

    # The API's observer

    def on_registered(self, extension: Extension) -> None:
        """Start the runtime when it was the last external one."""
        if extension.external and self._registry.all_registered:
            self._observer.on_extensions_registered()

    def on_ready(self, extension: Extension) -> None:
        """Nobody has to wait for it any more."""
        if self._shutdown_event is not None:
            if extension in self._running and SHUTDOWN in extension.events:
                self._api.deliver(extension, self._shutdown_event)
        elif extension in self._awaited:
            self._awaited.remove(extension)
            if not self._awaited:
                self._observer.on_extensions_ready()

    def on_error(self, extension: Extension, error_type: str) -> None:
        """Keep the first one: the exit that follows is due to it."""
        self.reported_type = self.reported_type or error_type

    # Processes

    def _start(self, extension: Extension, command: Sequence[str], environment: Mapping[str, str]) -> None:
        output = self._log.extension_output()
        process = RuntimeProcess(
            command,
            env=environment,
            cwd=Path("/"),
            on_output=output.feed,
            on_exit=lambda process: self._exited(extension, process),
        )
        self._running[extension] = _Running(process, output, asyncio.Event())
        if self._watcher is not None:
            self._watcher.watch(process.pid)

    def _exited(self, extension: Extension, process: RuntimeProcess) -> None:
        returncode = process.reap()
        if self._watcher is not None:
            self._watcher.forget(process.pid)
        running = self._running[extension]
        running.output.finish()
        running.gone.set()
        if self._shutdown_event is None:
            self._fail(self.reported_type or "Extension.Crash", programs.exit_reason(returncode))

    def _launch_failed(self, extension: Extension, error_type: str, reason: str) -> None:
        extension.state = State.LAUNCH_ERROR
        extension.error_type = error_type
        self._fail("Extension.LaunchError", reason)

    def _fail(self, error_type: str, reason: str) -> None:
        if self.failure is None:
            self.failure = EnvironmentFailure(error_type, reason)
            self._observer.on_extension_failed()
