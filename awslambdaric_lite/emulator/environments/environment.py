"""One execution environment: a runtime process, its Runtime API, its scratch folder, its log stream.

Owns the life cycle: init, restore, one invocation at a time, frozen in between, and a fresh process in the same
environment after an exit or a time-out (the scratch folder stays, as `/tmp` does).
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time

from ..extensions.lifecycle import EnvironmentFailure
from ..function import FunctionConfig
from ..http.faults import Faults
from ..logs.events import (
    InitPhase,
    InitReport,
    InitRuntimeDone,
    InitStart,
    Instance,
    Outcome,
    RestoreReport,
    RestoreRuntimeDone,
    RestoreStart,
)
from ..logs.spans import InvocationClock
from ..logs.stream import LineSink
from ..logs.timestamps import iso_time, now
from ..results import Answer, Completion, Invocation
from ..runtime_api import payloads
from .filesystem import Filesystem
from .generation import Generation
from .guardian import Guardian
from .passage import Passage
from .processes import EnvironmentProcesses
from .turns import Turn
from .variables import log_stream_name, process_environment

_EXIT_GRACE_S = 2.0  # for a runtime that has reported an init error, to say more and exit
_RESTORE_LIMIT_S = 10.0


class ExecutionEnvironment(EnvironmentProcesses):
    """Runs invocations one after another."""

    def __init__(
        self,
        function: FunctionConfig,
        filesystem: Filesystem,
        guardian: Guardian | None = None,
        sink: LineSink | None = None,
        *,
        version: str = "$LATEST",
        provisioned: bool = False,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(function, sink)
        self.version = version
        self.provisioned = provisioned
        self.log_stream = log_stream_name(version)
        self._instance = Instance(function.name, version, self.log_stream, function.memory_mb, function.region)
        self._filesystem = filesystem
        self._guardian = guardian
        self._faults = faults
        self._was_reset = False  # after a failure: the next init is part of an invocation
        self._started_at = 0.0

    @property
    def initialization_type(self) -> str:
        """The value of `AWS_LAMBDA_INITIALIZATION_TYPE`."""
        if self.function.snap_start:
            return "snap-start"
        return "provisioned-concurrency" if self.provisioned else "on-demand"

    async def prepare(self) -> Answer | None:
        """Start the runtime ahead of its first invocation, which starts it again if this fails; return why it does."""
        limit = max(130.0, self.function.timeout_s)  # source: the developer guide, "Lambda runtime environment"
        failure = await self._initialize("init", limit, None)
        if failure is None:
            self._freeze()
        return failure

    async def restore(self) -> Answer | None:
        """Restore a runtime that waits for that, ahead of its first invocation; return what went wrong."""
        self.thaw()
        failure, _ = await self._restore(None)
        if failure is None:
            self._freeze()
        return failure

    async def run(self, invocation: Invocation) -> None:
        """Take one invocation from start to completion. The caller is answered on the way."""
        passage = Passage(invocation)
        self.thaw()
        if self._signalled is not None:
            await self._await_signalled(self._signalled)
        if self.pid is None:
            invocation.cold = True
            await self._start(passage)
        if self._awaits_restore and passage.failure is None:
            failure, passage.restore_ms = await self._restore(invocation.request_id)
            if failure is not None:
                passage.fail(failure)
        self._begin(passage)
        if passage.failure is None:
            await self._invoke(passage)
        self._complete(passage)
        self._signalled = None
        self._freeze()

    async def close(self) -> None:
        """End the processes, as in a spin-down, and wait until nothing of them is left."""
        await self._end("spindown")

    async def discard(self) -> None:
        """Close the environment for good: its files go, too."""
        await self.close()
        shutil.rmtree(self._filesystem.scratch, ignore_errors=True)

    # Phases

    async def _start(self, passage: Passage) -> None:
        """Bring a runtime up for an invocation.

        An init that fails is repeated inside of the invocation, on the function's own time, as on AWS.
        """
        request_id = passage.invocation.request_id
        failure: Answer | None = None
        if not self._was_reset:
            failure = await self._initialize("init", self.function.init_timeout_s, request_id)
            passage.init_ms = (self._turns.at - self._started_at) * 1000
            if failure is None:
                return
            if failure.error_type != payloads.TIMED_OUT and not self.function.repeat_failed_init:
                passage.fail(failure)
                return
        passage.init_ms = None
        self._begin(passage)
        failure = await self._initialize("invoke", self.function.timeout_s, request_id)
        if failure is not None:
            passage.fail(failure)

    async def _initialize(self, phase: InitPhase, limit_s: float, request_id: str | None) -> Answer | None:
        """Start the processes and wait until they are ready; return what went wrong."""
        await self._end("failure")  # of extensions that outlived their runtime
        self._started_at = time.perf_counter()
        self._reported = None
        self._peak_mb = 0
        self._filesystem.scratch.mkdir(exist_ok=True)
        recorded = self.requests if self.function.api.record_requests else None
        generation = Generation(self.function, self.version, self._log, self._guardian, self, recorded, self._faults)
        self._generation = generation
        self._log.emit(InitStart(self.initialization_type, phase, self._instance))
        try:
            turn = await self._bring_up(generation, limit_s)
        except OSError as error:
            self._turns.at = time.perf_counter()
            failure = payloads.invalid_entrypoint(request_id, error)
        else:
            if turn in (Turn.NEXT, Turn.RESTORE_READY):
                self._awaits_restore = turn is Turn.RESTORE_READY
                self._report_init(generation, phase, "success")
                return None
            if turn is Turn.TIMED_OUT:
                self._read_output()
                self._report_init(generation, phase, "timeout")
                await self._reset("timeout")
                if phase == "invoke" and request_id is not None:
                    self._log.note(self._time_out_line(request_id))
                return payloads.timed_out(request_id, limit_s)
            failure = await self._failure(generation, turn, request_id)
        self._report_init(generation, phase, "error", failure.error_type)
        await self._reset("failure")
        return failure

    async def _bring_up(self, generation: Generation, limit_s: float) -> Turn:
        """Start the extensions, then the runtime; return when all of them are ready, or never will be.

        Raises:
            OSError: the runtime cannot be started.
        """
        extensions = generation.extensions
        variables = process_environment(
            self.function,
            version=self.version,
            initialization_type=self.initialization_type,
            runtime_api=generation.address,
            filesystem=self._filesystem,
            log_stream=self.log_stream,
        )
        self._turns.expect_extensions()
        programs = (*self.function.extensions, *self._filesystem.extension_programs)
        extensions.launch(programs, variables, self._filesystem.extension_command)
        if not extensions.registered or extensions.failure is not None:
            turn = await self._turns.wait(limit_s)
            if turn is not Turn.EXTENSIONS_REGISTERED:
                return turn
        self._turns.expect_runtime()
        command = self._filesystem.command(self.function.command(), variables, self.function.task_root)
        generation.start_runtime(command, variables)
        turn = await self._turns.wait(self._started_at + limit_s - time.perf_counter())
        if turn not in (Turn.NEXT, Turn.RESTORE_READY):
            return turn
        extensions.runtime_is_up()
        after = await self._await_extensions(generation, self._started_at + limit_s - time.perf_counter())
        return turn if after is Turn.EXTENSIONS_READY else after

    def _report_init(
        self, generation: Generation, phase: InitPhase, outcome: Outcome, error_type: str | None = None
    ) -> None:
        kind = self.initialization_type
        took_ms = (self._turns.at - self._started_at) * 1000
        self._log.emit(InitRuntimeDone(kind, phase, outcome, error_type))
        generation.extensions.report()
        self._log.emit(InitReport(kind, phase, took_ms, outcome, error_type))

    async def _restore(self, request_id: str | None) -> tuple[Answer | None, float]:
        """Let the runtime go on after its snapshot; return what went wrong, and the milliseconds that it took."""
        assert self._generation is not None
        started = time.perf_counter()
        self._awaits_restore = False
        self._log.emit(RestoreStart(self._instance))
        self._turns.expect_runtime()
        self._generation.api.restore()
        turn = await self._turns.wait(_RESTORE_LIMIT_S)
        took_ms = (self._turns.at - started) * 1000
        outcome: Outcome = "success"
        failure: Answer | None = None
        if turn is Turn.TIMED_OUT:
            self._read_output()
            outcome = "timeout"
            failure = payloads.failure("SnapStart.RestoreTimeout", "Restore took longer than 10 s")
        elif turn is not Turn.NEXT:
            outcome = "error"
            failure = await self._failure(self._generation, turn, request_id)
        error_type = None if failure is None else failure.error_type
        self._log.emit(RestoreRuntimeDone(outcome, error_type))
        self._log.emit(RestoreReport(took_ms, outcome, error_type))
        if outcome != "success":
            await self._reset("timeout" if outcome == "timeout" else "failure")
        return failure, took_ms

    async def _failure(self, generation: Generation, turn: Turn, request_id: str | None) -> Answer:
        """What processes that gave up during init or restore leave to the caller."""
        if turn is Turn.INIT_ERROR:
            assert self._reported is not None
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(generation.gone.wait(), _EXIT_GRACE_S)
            return self._reported
        return self._ended(generation, turn).answer(request_id)

    async def _invoke(self, passage: Passage) -> None:
        assert passage.began is not None and self._generation is not None
        invocation, generation = passage.invocation, self._generation
        deadline = passage.began + self.function.timeout_s
        remaining = deadline - time.perf_counter()
        invocation.deadline_ms = int((time.time() + remaining) * 1000)
        clock = passage.clock = InvocationClock()
        turn = Turn.EXITED  # for a process that asked for an invocation and was gone before it came
        if generation.extensions.failure is not None:
            turn = Turn.EXTENSION_FAILED
        elif generation.process is not None:
            self._passage = passage
            self._turns.expect_runtime()
            generation.extensions.invoke(invocation)
            generation.api.deliver(invocation)
            turn = await self._turns.wait(remaining)
            if turn is Turn.NEXT:
                clock.runtime_ready = self._turns.at
                self._log.emit(passage.runtime_done(self._turns.at))
                turn = await self._await_extensions(generation, deadline - time.perf_counter())
            self._passage = None
        if turn is Turn.EXTENSIONS_READY:
            clock.extensions_ready = self._turns.at
            return
        self._read_output()
        if turn is Turn.TIMED_OUT:
            generation.api.interrupt()
            await self._time_out(passage)
        else:
            await self._give_up(passage, self._ended(generation, turn))

    async def _time_out(self, passage: Passage) -> None:
        """End an invocation that is out of time, and every process with it."""
        assert passage.clock is not None
        request_id = passage.invocation.request_id
        if passage.clock.runtime_ready is None:
            passage.status = "timeout"
            self._log.emit(passage.runtime_done(self._turns.at))
        await self._reset("timeout")
        self._log.note(self._time_out_line(request_id))
        passage.fail(payloads.timed_out(request_id, self.function.timeout_s))

    async def _give_up(self, passage: Passage, end: EnvironmentFailure) -> None:
        """End an invocation whose runtime or extension has ended, and every other process."""
        assert passage.clock is not None
        request_id = passage.invocation.request_id
        if passage.clock.runtime_ready is None:
            passage.status = "error"
            self._log.emit(passage.runtime_done(self._turns.at, end.error_type))
        self._log.note(f"RequestId: {request_id} Error: {end.reason}")
        self._log.note(end.error_type)
        passage.fail(end.answer(request_id))
        await self._reset("failure")

    def _begin(self, passage: Passage) -> None:
        if passage.began is None:
            self._log.emit(passage.begin(self.version))
            self._turns.at = passage.began or 0.0

    def _complete(self, passage: Passage) -> None:
        if self._generation is not None:
            self._peak_mb = self._generation.peak_memory_mb()
        ended = passage.end(
            self._turns.at,
            memory_size_mb=self.function.memory_mb,
            max_memory_used_mb=self._peak_mb,
            has_extensions=self._generation is not None and len(self._generation.extensions) > 0,
        )
        self._log.emit(ended)
        passage.invocation.completed.set_result(Completion(ended.report, self._log.take()))

    def _freeze(self) -> None:
        if self.function.freeze:
            self.freeze()

    def _time_out_line(self, request_id: str) -> str:
        return f"{iso_time(now())} {request_id} Task timed out after {self.function.timeout_s:.2f} seconds"

    # The processes

    async def _reset(self, reason: str) -> None:
        """End every process after a failure; `/tmp` stays, and the next init is part of an invocation."""
        self._was_reset = True
        await self._end(reason)
