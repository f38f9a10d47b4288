"""The processes of an environment from an init to the next reset, and the port that serves them.

It starts them and shuts them down when an observer asks for that; the observer also receives their requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ..config.function import FunctionConfig
from ..extensions.lifecycle import Extensions, ExtensionsObserver
from ..extensions.router import Router
from ..http.exchange import Application, Exchange, RecordedRequest
from ..http.faults import Faults
from ..http.limits import Limits
from ..http.server import HttpServer, allowed_connections
from ..logs.pipe_reader import PIPE_SIZE
from ..logs.stream import LogStream
from .members import Members
from .memory import MemoryWatch
from .orphaned_processes import OrphanedProcesses
from .parent_death_watcher import ParentDeathWatcher
from .process import RuntimeProcess

_DRAIN_LIMIT_S = 0.5
_DRAIN_BESIDE_EXTENSIONS_S = 0.1  # their connections stay open, so this limit is always reached
_FIRST_REQUEST_S = 300.0  # beside the init, for a process that connects before it has anything to send
_LAST_OUTPUT = 16 * 1024  # bytes that are read of a runtime that was killed
WAKE_LIMIT_S = 2.0  # reached only by a runtime that computes while it polls, or on a stalled machine
FLUSH_LIMIT_S = 0.1  # for telemetry listeners to receive buffered events before their processes exit


class SandboxObserver(ExtensionsObserver, Protocol):
    """Receiver of events: the execution environment."""

    def on_request(self, exchange: Exchange) -> None:
        """Note that a request begins."""

    def on_exited(self, returncode: int) -> None:
        """Note that the runtime's process has exited; a negative code is a signal."""


class LogSource(Protocol):
    """Second source of a runtime's logs, with its standard output; open from before its start until after its exit."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables for the runtime."""
        ...

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the runtime inherits."""
        ...

    def handed_over(self) -> None:
        """Release what the runtime inherits, after its start or a failed start."""

    async def drain(self) -> None:
        """Read the logs that are available now, in parts."""

    def close(self) -> None:
        """Read the rest and close the source."""


class Sandbox:
    """A port, a runtime and its extensions; the caller starts the processes.

    The port serves `api`, which is the Runtime API, and those of the extensions.

    Raises:
        OSError: no port is free.
    """

    def __init__(
        self,
        function: FunctionConfig,
        version: str,
        log: LogStream,
        watcher: ParentDeathWatcher | None,
        observer: SandboxObserver,
        api: Application,
        recorded: list[RecordedRequest] | None,
        faults: Faults | None,
    ) -> None:
        self.process: RuntimeProcess | None = None
        """The runtime; None if it does not run."""
        self.gone = asyncio.Event()
        """Set when the runtime has exited."""
        self.out_of_memory = False
        """Whether it was killed because it exceeded the function's memory."""
        self.extensions = Extensions(function, version, log, observer, watcher)
        router = Router(api, self.extensions.applications, observer.on_request)
        allowed = function.allow_hosts
        self._members = Members(self._pids)
        self._server = HttpServer(
            router,
            recorded=recorded,
            faults=faults,
            serve_half_closed=False,
            allow_hosts=allowed,
            limits=Limits(
                allowed_connections() + 2 * (function.managed_concurrency or 0),
                first_byte_s=function.init_timeout_s + _FIRST_REQUEST_S,
                idle_s=None,  # a runtime keeps its connection while the handler runs
            ),
            owns=self._members.have,
        )
        variable = f"AWS_LAMBDA_RUNTIME_API={self.address}"
        self._members.variable = variable
        self._orphans = OrphanedProcesses(variable)
        self._function = function
        self._log = log
        self._watcher = watcher
        self._observer = observer
        self._log_source: LogSource | None = None
        self._reaper: asyncio.Task[None] | None = None
        self._memory: MemoryWatch | None = None
        self._peak_mb = 0
        self._ending = False
        self._frozen = False

    @property
    def address(self) -> str:
        """The value of `AWS_LAMBDA_RUNTIME_API`."""
        return self._server.address

    def start_runtime(
        self, command: Sequence[str], variables: dict[str, str], cwd: Path, log_source: LogSource | None = None
    ) -> None:
        """Start the runtime's process, which may also log through `log_source`.

        Raises:
            OSError: it cannot be executed.
        """
        self._log_source = log_source
        try:
            self.process = RuntimeProcess(
                command,
                env=variables if log_source is None else {**variables, **log_source.variables},
                cwd=cwd,
                on_output=self._log.feed,
                on_exit=self._on_exit,
                inherited=() if log_source is None else log_source.inherited,
                attached=self._function.debug,
            )
        finally:
            if log_source is not None:
                log_source.handed_over()
        if self._watcher is not None:
            self._watcher.watch(self.process.pid)
        if self._function.enforce_memory:
            self._memory = MemoryWatch(self.process.memory, self._function.memory_mb, self._on_memory_exceeded)
            self._memory.go_on()

    def freeze(self) -> None:
        """Freeze every process."""
        self._frozen = True
        if self._memory is not None:
            self._memory.pause()
        self._server.freeze()
        if self.process is not None:
            self.process.stop()
        self.extensions.stop()

    def thaw(self) -> None:
        """Thaw every process."""
        self._frozen = False
        if self._memory is not None:
            self._memory.go_on()
        self._server.thaw()
        if self.process is not None:
            self.process.go_on()
        self.extensions.go_on()

    async def drain(self) -> None:
        """Read the output that is available now, in parts; little of that of a runtime that was killed."""
        if self.process is not None:
            await self.process.drain(_LAST_OUTPUT if self._ending else PIPE_SIZE)
        if self._log_source is not None:
            await self._log_source.drain()
        await self.extensions.drain()

    def peak_memory_mb(self) -> int:
        """Return the peak memory of the runtime and the external extensions."""
        if self.out_of_memory:
            return self._function.memory_mb
        if self.process is not None:
            self._peak_mb = self.process.memory.peak_mb + self.extensions.peak_memory_mb()
        return self._peak_mb

    def exceeds_memory(self) -> bool:
        """Measure the runtime's memory; return whether it exceeds the function's, which kills the runtime."""
        if self._memory is not None and not self.out_of_memory:
            return self._memory.exceeded()
        if self.process is not None:
            self.process.memory.measure_kb()
        return self.out_of_memory

    def halt(self) -> bool:
        """Kill the runtime before its last output is read; return False if extensions need a shutdown phase first."""
        if self.process is None or len(self.extensions):
            return False
        self._ending = True
        self.process.kill()
        return True

    async def end(self, reason: str) -> None:
        """Shut every process down: with SIGKILL, or with a shutdown phase if extensions are registered."""
        self._ending = True
        if len(self.extensions):
            await self._wake()
            await self.extensions.flush(FLUSH_LIMIT_S)
            deadline = time.perf_counter() + self.extensions.budget_s
            await self._end_runtime(self.extensions.runtime_budget_s)
            await self.extensions.shut_down(reason, max(deadline - time.perf_counter(), 0.0))
        elif self.process is not None:
            self.process.kill()
            await self.gone.wait()
        await self.extensions.close()
        await self._orphans.kill()
        self._server.close()
        if self._log_source is not None:
            self._log_source.close()

    async def signal(self, send: Callable[[RuntimeProcess], None]) -> None:
        """Thaw the runtime and send it a signal, if it still runs."""
        await self._wake()
        if self.process is not None:
            send(self.process)

    async def _wake(self) -> None:
        """Thaw, and wait until every thread of the runtime has continued.

        A thread that is about to continue takes any pending signal of the process, even one that the kernel meant for
        the main thread. In Python only the main thread can act on a signal, and its system call would not be
        interrupted.
        """
        was_frozen = self._frozen
        self.thaw()
        if was_frozen:
            deadline = time.perf_counter() + WAKE_LIMIT_S
            while self.process is not None and not self.process.at_rest and time.perf_counter() < deadline:
                await asyncio.sleep(0.001)

    async def _end_runtime(self, limit_s: float) -> None:
        """Terminate the runtime, and kill it after the limit."""
        if self.process is None:
            return
        self.process.terminate()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.gone.wait(), limit_s)
        if self.process is not None:
            self.process.kill()
            await self.gone.wait()

    def _pids(self) -> list[int]:
        return [*([] if self.process is None else [self.process.pid]), *self.extensions.pids]

    def _on_memory_exceeded(self) -> None:
        self.out_of_memory = True
        if self.process is not None:
            self.process.kill()

    def _on_exit(self, process: RuntimeProcess) -> None:
        self._reaper = asyncio.get_running_loop().create_task(self._reap(process))

    async def _reap(self, process: RuntimeProcess) -> None:
        if self._memory is not None:
            self._memory.close()
        process.kill()  # its remaining children keep its connections open
        if not self._ending:  # it may have replied just before its exit
            await self._server.drain(_DRAIN_BESIDE_EXTENSIONS_S if self.extensions.has_external else _DRAIN_LIMIT_S)
        await self.drain()
        returncode = process.reap(read=not self._ending)
        self.peak_memory_mb()
        if self._watcher is not None:
            self._watcher.forget(process.pid)
        self.process = None
        self.gone.set()
        self._observer.on_exited(returncode)
