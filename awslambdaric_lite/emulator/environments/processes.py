"""The processes of one environment through all of its life: what they tell, and what can be done to them.

Owns which sandbox there is and what is waited for. What follows from it is the execution environment's affair.
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
from ..results import InvocationOutcome
from ..runtime_api import outcomes
from .event_waiter import EventWaiter, ProcessEvent
from .process import RuntimeProcess
from .sandbox import Sandbox

_SIGNAL_GRACE_S = 1.0  # for one that was sent a signal while it was idle, to end
_EXITED = "Runtime.ExitError"
_OUT_OF_MEMORY = "Runtime.OutOfMemory"


class EnvironmentProcesses:
    """The observer of processes and of extensions, one generation after another."""

    def __init__(self, function: FunctionConfig, log: LogStream) -> None:
        self.function = function
        self.requests: list[RecordedRequest] = []
        """Every request that reached the Runtime API, in order (with `ApiOptions.record_requests`)."""
        self.exit_code: int | None = None
        """How the last process ended; negative for a signal."""
        self._log = log
        self._sandbox: Sandbox | None = None
        self._signalled: asyncio.Task[None] | None = None
        self._reported: InvocationOutcome | None = None
        self._event_waiter = EventWaiter()
        self._peak_mb = 0

    @property
    def pid(self) -> int | None:
        """The runtime process, while there is one."""
        process = None if self._sandbox is None else self._sandbox.process
        return None if process is None else process.pid

    # What tests do to it

    def freeze(self) -> None:
        """Stop every process of the environment where it stands."""
        if self._sandbox is not None:
            self._sandbox.freeze()

    def thaw(self) -> None:
        """Let them go on."""
        if self._sandbox is not None:
            self._sandbox.thaw()

    def crash(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Let the runtime's process die of a signal. Call it from the event loop."""
        self._signal(lambda process: process.crash(number))

    def sigterm(self) -> None:
        """Send SIGTERM to the runtime's process group, as the platform does at the end. Call it from the event loop."""
        self._signal(RuntimeProcess.terminate)

    # What is observed

    def on_init_error(self, answer: InvocationOutcome) -> None:
        """Keep it for the invocation that waits for the init or the restore."""
        self._reported = answer
        self._settle(ProcessEvent.INIT_ERROR)

    def on_exited(self, returncode: int) -> None:
        """The runtime is gone."""
        self.exit_code = returncode
        self._settle(ProcessEvent.EXITED)

    def on_extensions_registered(self) -> None:
        """The runtime may be started."""
        self._settle(ProcessEvent.EXTENSIONS_REGISTERED)

    def on_extensions_ready(self) -> None:
        """The init or the invocation is complete, as far as extensions go."""
        self._settle(ProcessEvent.EXTENSIONS_READY)

    def on_extension_failed(self) -> None:
        """The environment cannot go on."""
        self._settle(ProcessEvent.EXTENSION_FAILED)

    # Waiting, and the end

    def _read_output(self) -> None:
        if self._sandbox is not None:
            self._sandbox.read_output()

    def _look_at_memory(self) -> bool:
        """Once per invocation, and the watch beside; return whether it was too much."""
        return self._sandbox is not None and self._sandbox.exceeds_memory()

    def _settle(self, event: ProcessEvent) -> None:
        if self._sandbox is not None:
            self._sandbox.read_output()  # printed before this call, so it counts to this invocation
            if self._sandbox.out_of_memory and event is not ProcessEvent.EXITED:
                return  # its end is on the way, whatever it had sent before
        self._event_waiter.settle(event)

    async def _await_extensions(self, sandbox: Sandbox, limit_s: float) -> ProcessEvent:
        """Wait until the extensions are ready, too."""
        if sandbox.extensions.failure is not None:
            return ProcessEvent.EXTENSION_FAILED
        if sandbox.process is None:
            return ProcessEvent.EXITED
        if sandbox.extensions.ready:
            return ProcessEvent.EXTENSIONS_READY
        self._event_waiter.expect_extensions()
        return await self._event_waiter.wait(limit_s)

    def _ended(self, sandbox: Sandbox, event: ProcessEvent) -> EnvironmentFailure:
        """Whose end it was; that of the runtime may be due to an extension in it."""
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
        """Let a runtime end that was sent a signal while it was idle, so that no invocation is for the dying."""
        self._signalled = None
        await signalled
        if self._sandbox is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._sandbox.gone.wait(), _SIGNAL_GRACE_S)

    async def _end(self, reason: str) -> None:
        """End every process."""
        if self._sandbox is not None:
            await self._sandbox.end(reason)
            self._peak_mb = self._sandbox.peak_memory_mb()
            self._sandbox = None
