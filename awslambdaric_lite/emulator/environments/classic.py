"""An environment of an ordinary function: one invocation at a time, frozen in between.

It restores a snapshot before the first invocation, and starts a new process in the same environment after an exit or a
timeout (the scratch folder stays, as `/tmp` does).
"""

from __future__ import annotations

import time

from ..config.function import FunctionConfig
from ..errors import EmulatorError
from ..extensions.lifecycle import EnvironmentFailure
from ..http.exchange import Application, Exchange
from ..http.faults import Faults
from ..logs.descriptor import TelemetryDescriptor
from ..logs.events import Outcome, RestoreReport, RestoreRuntimeDone, RestoreStart
from ..logs.spans import InvocationClock
from ..logs.stream import LineSink, LogStream
from ..results import Completion, FunctionOutcome, Invocation
from ..runtime_api import outcomes
from ..runtime_api.api import RuntimeApi
from .environment import PREPARATION_LIMIT_S, ExecutionEnvironment
from .event_waiter import ProcessEvent
from .filesystem import Filesystem
from .invocation_run import InvocationRun
from .parent_death_watcher import ParentDeathWatcher
from .sandbox import LogSource

_RESTORE_LIMIT_S = 10.0


class ClassicEnvironment(ExecutionEnvironment):
    """Environment that runs one invocation at a time."""

    def __init__(
        self,
        function: FunctionConfig,
        filesystem: Filesystem,
        watcher: ParentDeathWatcher | None = None,
        sink: LineSink | None = None,
        *,
        version: str = "$LATEST",
        provisioned: bool = False,
        faults: Faults | None = None,
    ) -> None:
        log = LogStream(
            sink,
            log_format=function.log_format,
            level=function.log_level,
            system_level=function.system_log_level,
        )
        super().__init__(function, filesystem, watcher, log, version=version, provisioned=provisioned, faults=faults)
        self._api: RuntimeApi | None = None
        self._current_run: InvocationRun | None = None
        self._awaits_restore = False
        self._was_reset = False  # after a failure: the next init is part of an invoke phase

    @property
    def initialization_type(self) -> str:
        if self.function.snap_start:
            return "snap-start"
        return "provisioned-concurrency" if self.provisioned else "on-demand"

    @property
    def slots(self) -> int:
        return 1

    async def prepare(self) -> FunctionOutcome | None:
        """Start the runtime before its first invocation, which retries a failed init; return the failure."""
        failure = await self._initialize("init", max(PREPARATION_LIMIT_S, self.function.timeout_s), None)
        if failure is None:
            self._freeze()
        return failure

    async def restore(self) -> FunctionOutcome | None:
        self.thaw()
        failure, _ = await self._restore(None)
        if failure is None:
            self._freeze()
        return failure

    async def run(self, invocation: Invocation) -> None:
        run = InvocationRun(invocation)
        self.thaw()
        if self._signalled is not None:
            await self._await_signalled(self._signalled)
        if self.pid is None:
            invocation.cold = True
            await self._start(run)
        if self._awaits_restore and run.failure is None:
            failure, run.restore_ms = await self._restore(invocation.request_id)
            if failure is not None:
                run.fail(failure)
        self._begin(run)
        if run.failure is None:
            await self._invoke(run)
        self._freeze()  # before anybody learns that the invocation is complete
        self._complete(run)
        self._signalled = None

    # Events on demand

    def time_out_now(self) -> None:
        self._settle(ProcessEvent.TIMED_OUT)

    def deliver_stale_reply(self) -> None:
        if self._api is None or self._sandbox is None:
            raise EmulatorError("no invocation is running; call this between an event and its reply")
        self._api.make_attempt_stale()

    # Observer of the Runtime API

    def on_next(self) -> None:
        """Complete the init or the invocation."""
        if self._current_run is None:
            self._look_at_memory()
        self._settle(ProcessEvent.NEXT)

    def on_restore_next(self) -> None:
        """Note that the runtime waits for its restore."""
        self._look_at_memory()
        self._awaits_restore = True
        self._settle(ProcessEvent.RESTORE_READY)

    def on_outcome(self, invocation: Invocation, answer: FunctionOutcome) -> None:
        """Give the outcome to the caller; the invocation is complete later."""
        if self._look_at_memory():
            return  # killed: it could not have replied
        if answer.error is not None:
            self._look_for_read_only(answer.payload.decode("utf-8", "replace"))
        if self._current_run is not None:
            self._current_run.take_reply(answer)
        invocation.answer(answer)

    def on_request(self, exchange: Exchange) -> None:
        """Record the time at which a reply begins."""
        clock = None if self._current_run is None else self._current_run.clock
        if clock is not None and exchange.request.method == "POST" and "/invocation/" in exchange.request.path:
            clock.reply_began = time.perf_counter()

    # Phases

    async def _start(self, run: InvocationRun) -> None:
        """Start a runtime for an invocation.

        A failed init is repeated in the invoke phase, on the function's time, as on AWS.
        """
        request_id = run.invocation.request_id
        failure: FunctionOutcome | None = None
        if not self._was_reset:
            failure = await self._initialize("init", self.function.init_timeout_s, request_id)
            run.init_ms = (self._event_waiter.at - self._started_at) * 1000
            if failure is None:
                return
            if failure.error_type != outcomes.TIMED_OUT and not self.function.repeat_failed_init:
                run.fail(failure)
                return
        run.init_ms = None
        self._begin(run)
        failure = await self._initialize("invoke", self.function.timeout_s, request_id)
        if failure is not None:
            run.fail(failure)

    async def _restore(self, request_id: str | None) -> tuple[FunctionOutcome | None, float]:
        """Restore the runtime; return the failure, and the duration in milliseconds."""
        assert self._api is not None and self._sandbox is not None
        started = time.perf_counter()
        self._awaits_restore = False
        self._log.emit(RestoreStart(self._instance))
        self._event_waiter.expect_runtime()
        self._api.restore()
        event = await self._wait(self._sandbox, _RESTORE_LIMIT_S)
        took_ms = (self._event_waiter.at - started) * 1000
        outcome: Outcome = "success"
        failure: FunctionOutcome | None = None
        if event is ProcessEvent.TIMED_OUT:
            outcome = "timeout"
            failure = outcomes.failure("SnapStart.RestoreTimeout", "Restore took longer than 10 s")
        elif event is not ProcessEvent.NEXT:
            outcome = "error"
            failure = await self._failure(self._sandbox, event, request_id)
        error_type = None if failure is None else failure.error_type
        self._log.emit(RestoreRuntimeDone(outcome, error_type))
        self._log.emit(RestoreReport(took_ms, outcome, error_type))
        if outcome != "success":
            await self._reset("timeout" if outcome == "timeout" else "failure")
        return failure, took_ms

    async def _invoke(self, run: InvocationRun) -> None:
        assert run.began is not None and self._sandbox is not None and self._api is not None
        invocation, sandbox, api = run.invocation, self._sandbox, self._api
        deadline = run.began + self.function.timeout_s
        remaining = deadline - time.perf_counter()
        invocation.deadline_ms = int((time.time() + remaining) * 1000)
        clock = run.clock = InvocationClock()
        event = ProcessEvent.EXITED  # for a process that polled and exited before its invocation
        if sandbox.extensions.failure is not None:
            event = ProcessEvent.EXTENSION_FAILED
        elif sandbox.process is not None:
            self._current_run = run
            self._event_waiter.expect_runtime()
            sandbox.extensions.invoke(invocation)
            api.deliver(invocation)
            event = await self._event_waiter.wait(remaining)
            if event is ProcessEvent.TIMED_OUT and sandbox.halt():
                run.fail(outcomes.timed_out(invocation.request_id, self.function.timeout_s))  # its output may be long
            await sandbox.drain()
            if event is ProcessEvent.NEXT:
                clock.runtime_ready = self._event_waiter.at
                self._log.emit(run.runtime_done(self._event_waiter.at))
                event = await self._await_extensions(sandbox, deadline - time.perf_counter())
            self._current_run = None
        if event is ProcessEvent.EXTENSIONS_READY:
            clock.extensions_ready = self._event_waiter.at
            return
        if event is ProcessEvent.TIMED_OUT:
            api.interrupt()
            await self._time_out(run)
        else:
            await self._give_up(run, self._ended(sandbox, event))

    async def _time_out(self, run: InvocationRun) -> None:
        """Time out an invocation, and kill every process."""
        assert run.clock is not None
        request_id = run.invocation.request_id
        if run.clock.runtime_ready is None:
            run.status = "timeout"
            self._log.emit(run.runtime_done(self._event_waiter.at))
        await self._reset("timeout")
        self._log.note(self._time_out_line(request_id))
        run.fail(outcomes.timed_out(request_id, self.function.timeout_s))

    async def _give_up(self, run: InvocationRun, end: EnvironmentFailure) -> None:
        """Fail an invocation whose runtime or extension has exited, and kill the other processes."""
        assert run.clock is not None
        request_id = run.invocation.request_id
        if run.clock.runtime_ready is None:
            run.status = "error"
            self._log.emit(run.runtime_done(self._event_waiter.at, end.error_type))
        self._log.note(f"RequestId: {request_id} Error: {end.reason}")
        self._log.note(end.error_type, chosen=True)
        run.fail(end.answer(request_id))
        await self._reset("failure")

    def _begin(self, run: InvocationRun) -> None:
        if run.began is None:
            self._log.emit(run.begin(self.version))
            self._event_waiter.at = run.began or 0.0

    def _complete(self, run: InvocationRun) -> None:
        if self._sandbox is not None:
            self._peak_mb = self._sandbox.peak_memory_mb()
        self._explain_read_only()
        ended = run.end(
            self._event_waiter.at,
            memory_size_mb=self.function.memory_mb,
            max_memory_used_mb=self._peak_mb,
            has_extensions=self._sandbox is not None and len(self._sandbox.extensions) > 0,
        )
        self._log.emit(ended)
        run.invocation.completed.set_result(Completion(ended.report, self._log.take()))

    def _freeze(self) -> None:
        if self.function.freeze:
            self.freeze()

    # The processes

    def new_api(self) -> Application:
        options, snap_start = self.function.api, self.function.snap_start
        self._api = RuntimeApi(self, options, snap_start=snap_start)  # pyright: ignore[reportArgumentType]
        return self._api

    def new_log_source(self) -> LogSource | None:
        return TelemetryDescriptor(self._log.frame) if self.function.telemetry_log_fd else None

    async def _reset(self, reason: str) -> None:
        """Shut every process down after a failure; `/tmp` stays, and the next init is part of an invoke phase."""
        self._was_reset = True
        await self._end(reason)

    async def _end(self, reason: str) -> None:
        await super()._end(reason)
        self._awaits_restore = False
