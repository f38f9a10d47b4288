"""The processes of one environment: what they report, and the signals that can be sent to them.

It has the current sandbox and the current wait. The execution environment decides what follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

from ..config.function import FunctionConfig
from ..extensions.lifecycle import EnvironmentFailure
from ..http.exchange import RecordedRequest
from ..logs.stream import LogStream
from ..results import FunctionOutcome
from ..runtime_api import outcomes
from .event_waiter import EventWaiter, ProcessEvent
from .process import RuntimeProcess
from .sandbox import Sandbox

SIGNAL_GRACE_S = 1.0  # for an idle runtime to exit after a signal
_EXITED = "Runtime.ExitError"
_OUT_OF_MEMORY = "Runtime.OutOfMemory"


class EnvironmentProcesses:
    """Observer of the processes and extensions of successive sandboxes."""

    def __init__(self, function: FunctionConfig, log: LogStream) -> None:
        self.function = function
        self.requests: list[RecordedRequest] = []
        """Every request that reached the Runtime API, in order (with `ApiOptions.record_requests`)."""
        self.on_activity: Callable[[EnvironmentProcesses, bool], None] = lambda environment, runs: None
        """Called when processes are started or thawed (True), and when they are frozen or gone (False)."""
        self.exit_code: int | None = None
        """The exit code of the last process; negative for a signal."""
        self._log = log
        self._sandbox: Sandbox | None = None
        self._signalled: asyncio.Task[None] | None = None
        self._reported: FunctionOutcome | None = None
        self._event_waiter = EventWaiter()
        self._peak_mb = 0

    @property
    def pid(self) -> int | None:
        """The id of the runtime process; None if it does not run."""
        process = None if self._sandbox is None else self._sandbox.process
        return None if process is None else process.pid

    # Events on demand

    def freeze(self) -> None:
        """Freeze every process of the environment."""
        if self._sandbox is not None:
            self._sandbox.freeze()
        self.on_activity(self, False)

    def thaw(self) -> None:
        """Thaw the processes."""
        self.on_activity(self, True)
        if self._sandbox is not None:
            self._sandbox.thaw()

    def crash(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the runtime's process with a signal; to be called from the event loop."""
        self._signal(lambda process: process.crash(number))

    def sigterm(self) -> None:
        """Send SIGTERM to the runtime's process group, as in the shutdown phase; to be called from the event loop."""
        self._signal(RuntimeProcess.terminate)

    # Observer of the sandbox

    def on_init_error(self, answer: FunctionOutcome) -> None:
        """Keep the error for the invocation that waits for the init or the restore."""
        self._reported = answer
        self._settle(ProcessEvent.INIT_ERROR)

    def on_exited(self, returncode: int) -> None:
        """Note that the runtime has exited."""
        self.exit_code = returncode
        self._settle(ProcessEvent.EXITED)

    def on_extensions_registered(self) -> None:
        """Note that the runtime may be started."""
        self._settle(ProcessEvent.EXTENSIONS_REGISTERED)

    def on_extensions_ready(self) -> None:
        """Note that no extension delays the end of the init or the invocation."""
        self._settle(ProcessEvent.EXTENSIONS_READY)

    def on_extension_failed(self) -> None:
        """Note that the environment cannot continue."""
        self._settle(ProcessEvent.EXTENSION_FAILED)

    # Waits and shutdown

    async def _wait(self, sandbox: Sandbox, limit_s: float) -> ProcessEvent:
        """Wait for the expected event, and read the output before it; at a timeout, kill the runtime first."""
        event = await self._event_waiter.wait(limit_s)
        if event is ProcessEvent.TIMED_OUT:
            sandbox.halt()
        await sandbox.drain()
        return event

    def _look_at_memory(self) -> bool:
        """Measure the memory once for an invocation; return whether it exceeds the limit."""
        return self._sandbox is not None and self._sandbox.exceeds_memory()

    def _settle(self, event: ProcessEvent) -> None:
        if self._sandbox is not None and self._sandbox.out_of_memory and event is not ProcessEvent.EXITED:
            return  # it is being killed, whatever it sent before
        self._event_waiter.settle(event)

    async def _await_extensions(self, sandbox: Sandbox, limit_s: float) -> ProcessEvent:
        """Wait until the extensions are ready."""
        if sandbox.extensions.failure is not None:
            return ProcessEvent.EXTENSION_FAILED
        if sandbox.process is None:
            return ProcessEvent.EXITED
        if sandbox.extensions.ready:
            return ProcessEvent.EXTENSIONS_READY
        self._event_waiter.expect_extensions()
        return await self._wait(sandbox, limit_s)

    def _ended(self, sandbox: Sandbox, event: ProcessEvent) -> EnvironmentFailure:
        """Return the failure for an exited process; an internal extension may be the cause of the runtime's exit."""
        if event is ProcessEvent.EXTENSION_FAILED:
            assert sandbox.extensions.failure is not None
            return sandbox.extensions.failure
        assert self.exit_code is not None
        if sandbox.out_of_memory:
            return EnvironmentFailure(_OUT_OF_MEMORY, outcomes.exit_reason(-signal.SIGKILL))
        error_type = sandbox.extensions.reported_type or _EXITED
        return EnvironmentFailure(error_type, outcomes.exit_reason(self.exit_code))

    def _signal(self, send: Callable[[RuntimeProcess], None]) -> None:
        if self._sandbox is not None and self._sandbox.process is not None:
            self._signalled = asyncio.get_running_loop().create_task(self._sandbox.signal(send))

    async def _await_signalled(self, signalled: asyncio.Task[None]) -> None:
        """Wait for the exit of an idle runtime that got a signal, so that no invocation is sent to it."""
        self._signalled = None
        await signalled
        if self._sandbox is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._sandbox.gone.wait(), SIGNAL_GRACE_S)

    async def _end(self, reason: str) -> None:
        """Shut every process down."""
        if self._sandbox is not None:
            await self._sandbox.end(reason)
            self._peak_mb = self._sandbox.peak_memory_mb()
            self._sandbox = None
            self.on_activity(self, False)
