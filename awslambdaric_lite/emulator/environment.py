"""One execution environment: a runtime process, its Runtime API, its scratch folder, its log stream.

Owns the life cycle: init on the first invocation, one invocation at a time, and a fresh process in the same
environment after an exit or a time-out (the scratch folder stays, as `/tmp` does).
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from pathlib import Path

from . import logs, payloads
from .function import FunctionConfig
from .guardian import Guardian
from .http_connection import RecordedRequest
from .logs import LineSink, LogStream
from .process import RuntimeProcess
from .results import Answer, Completion, Invocation, Report, Status
from .runtime_api import RuntimeApi
from .variables import log_stream_name, process_environment

_EXIT_GRACE_S = 2.0  # for a runtime that has reported an init error, to say more and exit
_DRAIN_LIMIT_S = 0.5


class _Turn(Enum):
    """What ended a wait for the runtime."""

    NEXT = "asked for an invocation"
    INIT_ERROR = "reported an init error"
    EXITED = "exited"
    TIMED_OUT = "let the time pass"


class _Passage:
    """One invocation on its way through the environment."""

    __slots__ = ("began", "ended", "failure", "init_ms", "invocation", "status")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.began: float | None = None
        self.ended = 0.0
        self.init_ms: float | None = None
        self.failure: Answer | None = None
        self.status: Status = "success"

    def fail(self, failure: Answer, status: Status = "error") -> None:
        self.failure = failure
        self.status = status
        self.invocation.answer(failure)


class ExecutionEnvironment:
    """Runs invocations one after another; also the observer of its Runtime API."""

    def __init__(
        self, function: FunctionConfig, scratch: Path, guardian: Guardian | None = None, sink: LineSink | None = None
    ) -> None:
        self.function = function
        self.requests: list[RecordedRequest] = []
        """Every request that reached the Runtime API, in order (with `ApiOptions.record_requests`)."""
        self.exit_code: int | None = None
        """How the last process ended; negative for a signal."""
        self.log_stream = log_stream_name(function.version)
        self._scratch = scratch
        self._guardian = guardian
        self._log = LogStream(sink)
        self._process: RuntimeProcess | None = None
        self._api: RuntimeApi | None = None
        self._init_error: Answer | None = None
        self._turn: asyncio.Future[_Turn] | None = None
        self._turned_at = 0.0
        self._gone = asyncio.Event()
        self._reaper: asyncio.Task[None] | None = None
        self._peak_mb = 0

    @property
    def pid(self) -> int | None:
        """The runtime process, while there is one."""
        return None if self._process is None else self._process.pid

    async def run(self, invocation: Invocation) -> None:
        """Take one invocation from start to completion. The caller is answered on the way."""
        passage = _Passage(invocation)
        if self._process is None:
            invocation.cold = True
            await self._initialize(passage)
        self._begin(passage)
        if passage.failure is None:
            await self._invoke(passage)
        self._complete(passage)

    async def close(self) -> None:
        """Kill the process and wait until nothing of it is left."""
        if self._process is not None:
            self._process.kill()
            await self._gone.wait()

    # The Runtime API's observer

    def on_next(self) -> None:
        """The runtime is free: the init or the invocation is complete."""
        self._settle(_Turn.NEXT)

    def on_answer(self, invocation: Invocation, answer: Answer) -> None:
        """Let the caller have it at once; the invocation is complete only later."""
        assert self._process is not None
        self._process.read_output()
        invocation.answer(answer)

    def on_init_error(self, answer: Answer) -> None:
        """Keep it for the invocation that waits for the init."""
        self._init_error = answer
        self._settle(_Turn.INIT_ERROR)

    # Phases

    async def _initialize(self, passage: _Passage) -> None:
        """Start the runtime and wait for its first `next`.

        An init that takes too long is repeated inside of the invocation, on the function's own time.
        """
        limit = self.function.init_timeout_s
        for phase in ("init", "invoke"):
            if phase == "invoke":
                self._begin(passage)
                limit = self.function.timeout_s
            started = time.perf_counter()
            try:
                self._start_process()
            except OSError as error:
                passage.fail(payloads.invalid_entrypoint(passage.invocation.request_id, error))
                return
            turn = await self._await_turn(limit)
            took_ms = (self._turned_at - started) * 1000
            if turn is _Turn.NEXT:
                passage.init_ms = took_ms if phase == "init" else None
                return
            if turn is not _Turn.TIMED_OUT:
                await self._init_failed(passage, turn, took_ms, phase)
                return
            self._log.platform(logs.init_report_line(took_ms, phase, None))
            await self.close()
        self._timed_out(passage)

    async def _init_failed(self, passage: _Passage, turn: _Turn, took_ms: float, phase: str) -> None:
        passage.init_ms = took_ms if phase == "init" else None
        if turn is _Turn.INIT_ERROR:
            assert self._init_error is not None
            passage.fail(self._init_error)
            try:
                await asyncio.wait_for(self._gone.wait(), _EXIT_GRACE_S)
            except asyncio.TimeoutError:
                await self.close()
        else:
            passage.fail(payloads.runtime_exited(passage.invocation.request_id, self._exit_reason()))
        assert passage.failure is not None
        self._log.platform(logs.init_report_line(took_ms, phase, passage.failure.error_type))

    async def _invoke(self, passage: _Passage) -> None:
        assert self._api is not None and passage.began is not None
        invocation, timeout_s = passage.invocation, self.function.timeout_s
        remaining = passage.began + timeout_s - time.perf_counter()
        invocation.deadline_ms = int((time.time() + remaining) * 1000)
        turn = _Turn.EXITED  # for a process that asked for an invocation and was gone before it came
        if self._process is not None:
            self._expect_turn()
            self._api.deliver(invocation)
            turn = await self._await_turn(remaining)
        if turn is _Turn.EXITED:
            reason = self._exit_reason()
            self._log.platform(f"RequestId: {invocation.request_id} Error: {reason}")
            self._log.platform("Runtime.ExitError")
            passage.fail(payloads.runtime_exited(invocation.request_id, reason))
        elif turn is _Turn.TIMED_OUT:
            await self.close()
            self._timed_out(passage)

    def _timed_out(self, passage: _Passage) -> None:
        request_id, timeout_s = passage.invocation.request_id, self.function.timeout_s
        self._log.platform(logs.time_out_line(request_id, timeout_s))
        passage.fail(payloads.timed_out(request_id, timeout_s), "timeout")

    def _begin(self, passage: _Passage) -> None:
        if passage.began is None:
            passage.began = self._turned_at = time.perf_counter()
            self._log.platform(logs.start_line(passage.invocation.request_id, self.function.version))

    def _complete(self, passage: _Passage) -> None:
        assert passage.began is not None
        report = Report(
            request_id=passage.invocation.request_id,
            duration_ms=(self._turned_at - passage.began) * 1000,
            memory_size_mb=self.function.memory_mb,
            max_memory_used_mb=self._peak_mb,
            init_duration_ms=passage.init_ms,
            status=passage.status,
            error_type=passage.failure.error_type if passage.failure else None,
        )
        for line in logs.end_lines(report):
            self._log.platform(line)
        passage.invocation.completed.set_result(Completion(report, self._log.take()))

    # The process

    def _start_process(self) -> None:
        self._expect_turn()
        self._init_error = None
        self._gone.clear()
        self._peak_mb = 0
        self._scratch.mkdir(exist_ok=True)
        api = RuntimeApi(self, self.function.arn, self.function.api, self.requests)
        variables = process_environment(
            self.function, runtime_api=api.address, scratch=self._scratch, log_stream=self.log_stream
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
            api.server.close()
            raise
        self._api = api
        if self._guardian is not None:
            self._guardian.watch(self._process.pid)

    def _on_exit(self, process: RuntimeProcess) -> None:
        self._reaper = asyncio.get_running_loop().create_task(self._reap(process))

    async def _reap(self, process: RuntimeProcess) -> None:
        assert self._api is not None
        process.kill()  # children that stayed behind hold its connections open
        await self._api.server.drain(_DRAIN_LIMIT_S)  # it may have sent its reply just before the end
        self.exit_code = process.reap()
        self._peak_mb = process.peak_memory_mb()
        self._api.server.close()
        if self._guardian is not None:
            self._guardian.forget(process.pid)
        self._process = None
        self._gone.set()
        self._settle(_Turn.EXITED)

    def _exit_reason(self) -> str:
        assert self.exit_code is not None
        return payloads.exit_reason(self.exit_code)

    # Turns

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
