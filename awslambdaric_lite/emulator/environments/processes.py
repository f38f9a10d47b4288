"""The processes of one environment through all of its life: what they tell, and what can be done to them.

Owns which generation there is and what is waited for. What follows from it is the execution environment's affair.
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
from .event_waiter import Turn, Turns
from .process import RuntimeProcess
from .sandbox import Generation

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
        self._generation: Generation | None = None
        self._signalled: asyncio.Task[None] | None = None
        self._reported: InvocationOutcome | None = None
        self._turns = Turns()
        self._peak_mb = 0

    @property
    def pid(self) -> int | None:
        """The runtime process, while there is one."""
        process = None if self._generation is None else self._generation.process
        return None if process is None else process.pid

    # What tests do to it

    def freeze(self) -> None:
        """Stop every process of the environment where it stands."""
        if self._generation is not None:
            self._generation.freeze()

    def thaw(self) -> None:
        """Let them go on."""
        if self._generation is not None:
            self._generation.thaw()

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
        self._settle(Turn.INIT_ERROR)

    def on_exited(self, returncode: int) -> None:
        """The runtime is gone."""
        self.exit_code = returncode
        self._settle(Turn.EXITED)

    def on_extensions_registered(self) -> None:
        """The runtime may be started."""
        self._settle(Turn.EXTENSIONS_REGISTERED)

    def on_extensions_ready(self) -> None:
        """The init or the invocation is complete, as far as extensions go."""
        self._settle(Turn.EXTENSIONS_READY)

    def on_extension_failed(self) -> None:
        """The environment cannot go on."""
        self._settle(Turn.EXTENSION_FAILED)

    # Waiting, and the end

    def _read_output(self) -> None:
        if self._generation is not None:
            self._generation.read_output()

    def _look_at_memory(self) -> bool:
        """Once per invocation, and the watch beside; return whether it was too much."""
        return self._generation is not None and self._generation.exceeds_memory()

    def _settle(self, turn: Turn) -> None:
        if self._generation is not None:
            self._generation.read_output()  # printed before this call, so it counts to this invocation
            if self._generation.out_of_memory and turn is not Turn.EXITED:
                return  # its end is on the way, whatever it had sent before
        self._turns.settle(turn)

    async def _await_extensions(self, generation: Generation, limit_s: float) -> Turn:
        """Wait until the extensions are ready, too."""
        if generation.extensions.failure is not None:
            return Turn.EXTENSION_FAILED
        if generation.process is None:
            return Turn.EXITED
        if generation.extensions.ready:
            return Turn.EXTENSIONS_READY
        self._turns.expect_extensions()
        return await self._turns.wait(limit_s)

    def _ended(self, generation: Generation, turn: Turn) -> EnvironmentFailure:
        """Whose end it was; that of the runtime may be due to an extension in it."""
        if turn is Turn.EXTENSION_FAILED:
            assert generation.extensions.failure is not None
            return generation.extensions.failure
        assert self.exit_code is not None
        if generation.out_of_memory:
            return EnvironmentFailure(_OUT_OF_MEMORY, outcomes.exit_reason(-signal.SIGKILL))
        error_type = generation.extensions.reported_type or _EXITED
        return EnvironmentFailure(error_type, outcomes.exit_reason(self.exit_code))

    def _signal(self, send: Callable[[RuntimeProcess], None]) -> None:
        if self._generation is not None and self._generation.process is not None:
            self._signalled = asyncio.get_running_loop().create_task(self._generation.signal(send))

    async def _await_signalled(self, signalled: asyncio.Task[None]) -> None:
        """Let a runtime end that was sent a signal while it was idle, so that no invocation is for the dying."""
        self._signalled = None
        await signalled
        if self._generation is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._generation.gone.wait(), _SIGNAL_GRACE_S)

    async def _end(self, reason: str) -> None:
        """End every process."""
        if self._generation is not None:
            await self._generation.end(reason)
            self._peak_mb = self._generation.peak_memory_mb()
            self._generation = None
