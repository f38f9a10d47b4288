"""One execution environment: a runtime process, its Runtime API, its scratch folder, its log stream.

Owns the life cycle: init, restore, one invocation at a time, frozen in between, and a fresh process in the same
environment after an exit or a time-out (the scratch folder stays, as `/tmp` does).
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path

from ..function import FunctionConfig
from ..http.connection import RecordedRequest
from ..http.server import HttpServer
from ..logs.events import Ended, InitPhase, InitReport, InitStart, Start
from ..logs.stream import LineSink, LogStream
from ..results import Answer, Completion, Invocation, Report, Status
from ..runtime_api import payloads
from ..runtime_api.api import RuntimeApi
from .guardian import Guardian
from .process import RuntimeProcess
from .variables import log_stream_name, process_environment

_EXIT_GRACE_S = 2.0  # for a runtime that has reported an init error, to say more and exit
_DRAIN_LIMIT_S = 0.5
_RESTORE_LIMIT_S = 10.0


class _Turn(Enum):
    """What ended a wait for the runtime."""

    NEXT = "asked for an invocation"
    RESTORE_READY = "waits to be restored"
    INIT_ERROR = "reported that its init or its restore failed"
    EXITED = "exited"
    TIMED_OUT = "let the time pass"


class _Passage:
    """One invocation on its way through the environment."""

    __slots__ = ("began", "failure", "init_ms", "invocation", "restore_ms", "status")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.began: float | None = None
        self.init_ms: float | None = None
        self.restore_ms: float | None = None
        self.failure: Answer | None = None
        self.status: Status = "success"

    def fail(self, failure: Answer) -> None:
        self.failure = failure
        self.status = "timeout" if failure.error_type == payloads.TIMED_OUT else "error"
        self.invocation.answer(failure)


class ExecutionEnvironment:
    """Runs invocations one after another; also the observer of its Runtime API."""

    def __init__(
        self,
        function: FunctionConfig,
        scratch: Path,
        guardian: Guardian | None = None,
        sink: LineSink | None = None,
        *,
        version: str = "$LATEST",
        provisioned: bool = False,
    ) -> None:
        self.function = function
        self.version = version
        self.provisioned = provisioned
        self.requests: list[RecordedRequest] = []
        """Every request that reached the Runtime API, in order (with `ApiOptions.record_requests`)."""
        self.exit_code: int | None = None
        """How the last process ended; negative for a signal."""
        self.log_stream = log_stream_name(version)
        self._scratch = scratch
        self._guardian = guardian
        self._log = LogStream(sink)
        self._process: RuntimeProcess | None = None
        self._api: RuntimeApi | None = None
        self._server: HttpServer | None = None
        self._was_reset = False  # after a failure: the next init is part of an invocation
        self._awaits_restore = False
        self._reported: Answer | None = None
        self._turn: asyncio.Future[_Turn] | None = None
        self._started_at = 0.0
        self._turned_at = 0.0
        self._gone = asyncio.Event()
        self._reaper: asyncio.Task[None] | None = None
        self._peak_mb = 0

    @property
    def pid(self) -> int | None:
        """The runtime process, while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def initialization_type(self) -> str:
        """The value of `AWS_LAMBDA_INITIALIZATION_TYPE`."""
        if self.function.snap_start:
            return "snap-start"
        return "provisioned-concurrency" if self.provisioned else "on-demand"

    async def prepare(self) -> None:
        """Start the runtime ahead of its first invocation, which starts it again if this fails."""
        limit = max(130.0, self.function.timeout_s)  # source: the developer guide, "Lambda runtime environment"
        if await self._initialize("init", limit, None) is None:
            self._freeze()

    async def run(self, invocation: Invocation) -> None:
        """Take one invocation from start to completion. The caller is answered on the way."""
        passage = _Passage(invocation)
        self.thaw()
        if self._process is None:
            invocation.cold = True
            await self._start(passage)
        if self._awaits_restore and passage.failure is None:
            await self._restore(passage)
        self._begin(passage)
        if passage.failure is None:
            await self._invoke(passage)
        self._complete(passage)
        self._freeze()

    async def close(self) -> None:
        """Kill the process and wait until nothing of it is left."""
        if self._process is not None:
            self._process.kill()
            await self._gone.wait()

    async def discard(self) -> None:
        """Close the environment for good: its files go, too."""
        await self.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    # What tests do to it

    def freeze(self) -> None:
        """Stop every process of the environment where it stands."""
        if self._process is not None:
            self._process.stop()

    def thaw(self) -> None:
        """Let them go on."""
        if self._process is not None:
            self._process.go_on()

    def time_out_now(self) -> None:
        """Let the invocation that runs be out of time."""
        self._settle(_Turn.TIMED_OUT)

    # The Runtime API's observer

    def on_next(self) -> None:
        """The runtime is free: the init or the invocation is complete."""
        self._settle(_Turn.NEXT)

    def on_restore_next(self) -> None:
        """The runtime may be snapshotted."""
        self._settle(_Turn.RESTORE_READY)

    def on_answer(self, invocation: Invocation, answer: Answer) -> None:
        """Let the caller have it at once; the invocation is complete only later."""
        assert self._process is not None
        self._process.read_output()
        invocation.answer(answer)

    def on_init_error(self, answer: Answer) -> None:
        """Keep it for the invocation that waits for the init or the restore."""
        self._reported = answer
        self._settle(_Turn.INIT_ERROR)

    # Phases

    async def _start(self, passage: _Passage) -> None:
        """Bring a runtime up for an invocation.

        An init that fails is repeated inside of the invocation, on the function's own time, as on AWS.
        """
        request_id = passage.invocation.request_id
        failure: Answer | None = None
        if not self._was_reset:
            failure = await self._initialize("init", self.function.init_timeout_s, request_id)
            passage.init_ms = (self._turned_at - self._started_at) * 1000
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
        """Start the process and wait until it is ready; return what went wrong."""
        self._started_at = time.perf_counter()
        kind = self.initialization_type
        self._log.emit(InitStart(kind, phase, self.function.name, self.version))
        try:
            self._start_process()
        except OSError as error:
            self._turned_at = time.perf_counter()
            return payloads.invalid_entrypoint(request_id, error)
        turn = await self._await_turn(limit_s)
        took_ms = (self._turned_at - self._started_at) * 1000
        if turn in (_Turn.NEXT, _Turn.RESTORE_READY):
            self._awaits_restore = turn is _Turn.RESTORE_READY
            self._log.emit(InitReport(kind, phase, took_ms, "success"))
            return None
        if turn is _Turn.TIMED_OUT:
            await self._reset()
            self._log.emit(InitReport(kind, phase, took_ms, "timeout"))
            if phase == "invoke" and request_id is not None:
                self._log.note(self._time_out_line(request_id))
            return payloads.timed_out(request_id, limit_s)
        failure = await self._failure(turn, request_id)
        self._log.emit(InitReport(kind, phase, took_ms, "error", failure.error_type))
        return failure

    async def _restore(self, passage: _Passage) -> None:
        """Let the runtime go on after its snapshot."""
        assert self._api is not None
        started = time.perf_counter()
        self._awaits_restore = False
        self._expect_turn()
        self._api.restore()
        turn = await self._await_turn(_RESTORE_LIMIT_S)
        passage.restore_ms = (self._turned_at - started) * 1000
        if turn is _Turn.TIMED_OUT:
            await self._reset()
            passage.fail(payloads.failure("SnapStart.RestoreTimeout", "Restore took longer than 10 s"))
        elif turn is not _Turn.NEXT:
            passage.fail(await self._failure(turn, passage.invocation.request_id))

    async def _failure(self, turn: _Turn, request_id: str | None) -> Answer:
        """What a runtime that gave up during init or restore leaves to the caller; nothing of it runs any more."""
        if turn is _Turn.INIT_ERROR:
            assert self._reported is not None
            failure = self._reported
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._gone.wait(), _EXIT_GRACE_S)
        else:
            failure = payloads.runtime_exited(request_id, self._exit_reason())
        await self._reset()
        return failure

    async def _invoke(self, passage: _Passage) -> None:
        assert passage.began is not None
        invocation = passage.invocation
        remaining = passage.began + self.function.timeout_s - time.perf_counter()
        invocation.deadline_ms = int((time.time() + remaining) * 1000)
        turn = _Turn.EXITED  # for a process that asked for an invocation and was gone before it came
        if self._process is not None:
            assert self._api is not None
            self._expect_turn()
            self._api.deliver(invocation)
            turn = await self._await_turn(remaining)
        if turn is _Turn.EXITED:
            reason = self._exit_reason()
            self._log.note(f"RequestId: {invocation.request_id} Error: {reason}")
            self._log.note("Runtime.ExitError")
            passage.fail(payloads.runtime_exited(invocation.request_id, reason))
            await self._reset()
        elif turn is _Turn.TIMED_OUT:
            await self._reset()
            self._log.note(self._time_out_line(invocation.request_id))
            passage.fail(payloads.timed_out(invocation.request_id, self.function.timeout_s))

    def _begin(self, passage: _Passage) -> None:
        if passage.began is None:
            passage.began = self._turned_at = time.perf_counter()
            self._log.emit(Start(passage.invocation.request_id, self.version))

    def _complete(self, passage: _Passage) -> None:
        assert passage.began is not None
        report = Report(
            request_id=passage.invocation.request_id,
            duration_ms=(self._turned_at - passage.began) * 1000,
            memory_size_mb=self.function.memory_mb,
            max_memory_used_mb=self._peak_mb,
            init_duration_ms=None if passage.restore_ms is not None else passage.init_ms,
            restore_duration_ms=passage.restore_ms,
            status=passage.status,
            error_type=passage.failure.error_type if passage.failure else None,
        )
        self._log.emit(Ended(report))
        passage.invocation.completed.set_result(Completion(report, self._log.take()))

    def _freeze(self) -> None:
        if self.function.freeze:
            self.freeze()

    def _time_out_line(self, request_id: str) -> str:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return f"{now} {request_id} Task timed out after {self.function.timeout_s:.2f} seconds"

    # The process

    def _start_process(self) -> None:
        self._expect_turn()
        self._reported = None
        self._awaits_restore = False
        self._gone.clear()
        self._peak_mb = 0
        self._scratch.mkdir(exist_ok=True)
        api = RuntimeApi(self, self.function.api, snap_start=self.function.snap_start)
        server = HttpServer(api, recorded=self.requests if self.function.api.record_requests else None)
        variables = process_environment(
            self.function,
            version=self.version,
            initialization_type=self.initialization_type,
            runtime_api=server.address,
            scratch=self._scratch,
            log_stream=self.log_stream,
        )
        try:
            self._process = RuntimeProcess(
                self.function.command(),
                env=variables,
                cwd=self.function.task_root,
                on_output=self._log.feed,
                on_exit=self._on_exit,
            )
        except OSError:
            server.close()
            raise
        self._api = api
        self._server = server
        if self._guardian is not None:
            self._guardian.watch(self._process.pid)

    async def _reset(self) -> None:
        """End every process after a failure; `/tmp` stays, and the next init is part of an invocation."""
        self._was_reset = True
        await self.close()

    def _on_exit(self, process: RuntimeProcess) -> None:
        self._reaper = asyncio.get_running_loop().create_task(self._reap(process))

    async def _reap(self, process: RuntimeProcess) -> None:
        assert self._server is not None
        process.kill()  # children that stayed behind hold its connections open
        await self._server.drain(_DRAIN_LIMIT_S)  # it may have sent its reply just before the end
        self.exit_code = process.reap()
        self._peak_mb = process.peak_memory_mb()
        self._server.close()
        if self._guardian is not None:
            self._guardian.forget(process.pid)
        self._process = None
        self._gone.set()
        self._settle(_Turn.EXITED)

    def _exit_reason(self) -> str:
        assert self.exit_code is not None
        return payloads.exit_reason(self.exit_code)

    # Waiting

    def _expect_turn(self) -> None:
        self._turn = asyncio.get_running_loop().create_future()

    def _settle(self, turn: _Turn) -> None:
        if self._process is not None:
            self._process.read_output()  # printed before this call, so it counts to this invocation
            self._peak_mb = self._process.peak_memory_mb()
        if self._turn is not None and not self._turn.done():
            self._turned_at = time.perf_counter()
            self._turn.set_result(turn)

    async def _await_turn(self, limit_s: float) -> _Turn:
        assert self._turn is not None
        await asyncio.wait({self._turn}, timeout=max(limit_s, 0.0))
        if not self._turn.done():
            self._turned_at = time.perf_counter()
            self._turn.cancel()
            return _Turn.TIMED_OUT
        return self._turn.result()
