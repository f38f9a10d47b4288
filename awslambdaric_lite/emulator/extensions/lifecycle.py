"""The extensions of an execution environment together: start, waits, invocations, shutdown."""

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
from ..results import FunctionOutcome, Invocation
from . import payloads, programs
from .api import ExtensionsApi
from .registry import INVOKE, MAX_EXTENSIONS, SHUTDOWN, Extension, ExtensionRegistry, State
from .telemetry import LOGS, TELEMETRY, TelemetryApi

EXTERNAL_BUDGET_S = 2.0  # of a shutdown with external extensions; source: "Lambda runtime environment"
INTERNAL_BUDGET_S = 0.5  # of a shutdown with internal extensions only
RUNTIME_BUDGET_S = 0.3  # the runtime's part of the first limit
MANAGED_RUNTIME_BUDGET_S = 0.6  # and on Managed Instances; source: the open server


class EnvironmentFailure(NamedTuple):
    """The reason why an environment cannot continue."""

    error_type: str
    reason: str

    def answer(self, request_id: str | None) -> FunctionOutcome:
        """Return the outcome for the caller."""
        return payloads.extension_failed(request_id, self.error_type, self.reason)


class ExtensionsObserver(Protocol):
    """Receiver of events of extensions: the execution environment."""

    def on_extensions_registered(self) -> None:
        """Note that every external extension has registered."""

    def on_extensions_ready(self) -> None:
        """Note that every expected extension waits for its next event."""

    def on_extension_failed(self) -> None:
        """Note that an external extension could not be started, or exited; `Extensions.failure` has the reason."""


class _Running(NamedTuple):
    process: RuntimeProcess
    output: Output
    gone: asyncio.Event


class Extensions:
    """All extensions, internal and external, from an init to the next reset; the observer of their API."""

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
        """The platform's name for the first error that an extension reported, which causes what follows; or None."""
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
        """Return the number of extensions."""
        return len(self._registry)

    @property
    def applications(self) -> dict[str, Application]:
        """The applications of their APIs by the prefix of the path."""
        return {EXTENSIONS: self._api, TELEMETRY: self._telemetry, LOGS: self._telemetry}

    @property
    def has_external(self) -> bool:
        """Whether an external extension exists."""
        return bool(self._running)

    @property
    def pids(self) -> list[int]:
        """The processes of the external extensions."""
        return [running.process.pid for running in self._running.values()]

    @property
    def budget_s(self) -> float:
        """The limit of the shutdown phase, in seconds."""
        return EXTERNAL_BUDGET_S if self.has_external else INTERNAL_BUDGET_S

    @property
    def runtime_budget_s(self) -> float:
        """The runtime's part of that limit, in seconds."""
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
        """Whether all expected extensions wait for their next event."""
        return not self._awaited

    def launch(self, files: Sequence[Path], variables: Mapping[str, str], command: Callable[[Path], list[str]]) -> None:
        """Start the external extensions; the observer receives failures.

        `command` returns the command line of a program; its `OSError` counts as a failed start.
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
        """Close the registration, because the runtime has polled; now every extension has to become ready."""
        self._registry.close()
        self._awaited = {extension for extension in self._registry if extension.state is not State.READY}

    def report(self) -> None:
        """Log the state of each extension after the init."""
        for extension in self._registry:
            state = ExtensionState(extension.name, extension.state.value, extension.events, extension.error_type)
            self._log.emit(state)
        self._telemetry.end_of_init()

    # Invocations

    def invoke(self, invocation: Invocation) -> None:
        """Send an INVOKE event to its subscribers; the invocation is complete when they are ready again."""
        event = payloads.invoke_event(invocation)
        self._awaited = {extension for extension in self._registry if INVOKE in extension.events}
        for extension in self._awaited:
            if extension.state is State.READY:
                self._api.deliver(extension, event)

    async def drain(self) -> None:
        """Read the output that is available now, in parts."""
        for running in self._running.values():
            await running.process.drain()

    def peak_memory_mb(self) -> int:
        """Return the sum of the peak memory of all external extensions."""
        return sum(running.process.peak_memory_mb() for running in self._running.values())

    def stop(self) -> None:
        """Freeze the external extensions."""
        self._telemetry.pause()
        for running in self._running.values():
            running.process.stop()

    def go_on(self) -> None:
        """Thaw them."""
        for running in self._running.values():
            running.process.go_on()
        self._telemetry.resume()

    # Shutdown

    async def flush(self, limit_s: float) -> None:
        """Deliver buffered telemetry; stop waiting after `limit_s` seconds."""
        await self._telemetry.flush(limit_s)

    async def shut_down(self, reason: str, limit_s: float) -> None:
        """Send SHUTDOWN to external subscribers, wait up to the limit, and kill the rest."""
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
        """Kill the remaining processes and stop the delivery of telemetry."""
        await self.shut_down("failure", 0.0)
        await self._telemetry.close()

    # Observer of the API

    def on_registered(self, extension: Extension) -> None:
        """Start the runtime after the last external extension has registered."""
        if extension.external and self._registry.all_registered:
            self._observer.on_extensions_registered()

    def on_ready(self, extension: Extension) -> None:
        """Stop waiting for an extension."""
        if self._shutdown_event is not None:
            if extension in self._running and SHUTDOWN in extension.events:
                self._api.deliver(extension, self._shutdown_event)
        elif extension in self._awaited:
            self._awaited.remove(extension)
            if not self._awaited:
                self._observer.on_extensions_ready()

    def on_error(self, extension: Extension, error_type: str) -> None:
        """Keep the first error, because it causes the exit that follows."""
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
