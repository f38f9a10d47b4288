"""An environment of Managed Instances: concurrent invocations, never frozen, over when its process exits.

It waits for polls of workers, times each invocation, and fails the running ones when the environment is over. Source:
"Lambda Managed Instances" of the developer guide, and the open server.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import replace
from urllib.parse import unquote

from ..config.function import FunctionConfig
from ..errors import EmulatorError
from ..extensions.lifecycle import EnvironmentFailure
from ..http.exchange import Application, Exchange
from ..http.faults import Faults
from ..logs.collector import MAX_PATH, LogCollector
from ..logs.managed_collector import SharedLogStream
from ..logs.spans import InvocationClock
from ..logs.stream import LineSink
from ..results import Completion, FunctionOutcome, Invocation
from ..runtime_api import outcomes
from ..runtime_api.managed import DuplicatedInvocation, ManagedRuntimeApi, Unavailable
from .environment import EnvironmentOver, ExecutionEnvironment
from .event_waiter import ProcessEvent
from .filesystem import Filesystem
from .invocation_run import ManagedInvocationRun
from .parent_death_watcher import ParentDeathWatcher
from .sandbox import LogSource, Sandbox

WORKER_LIMIT_S = (
    10.0  # AWS refuses an invocation without a waiting worker; a worker may be between its reply and its next poll
)
_CONNECTIONS = 64  # of the log socket, beside those of workers
_COLLECTOR = ".lambda-log-collector.sock"


class ManagedEnvironment(ExecutionEnvironment):
    """Environment that runs up to `FunctionConfig.managed_concurrency` invocations concurrently."""

    _log: SharedLogStream

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
        log = SharedLogStream(sink, level=function.log_level, system_level=function.system_log_level)
        super().__init__(function, filesystem, watcher, log, version=version, provisioned=provisioned, faults=faults)
        assert function.managed_concurrency is not None
        self._concurrency = function.managed_concurrency
        self._api: ManagedRuntimeApi | None = None
        self._init: asyncio.Task[FunctionOutcome | None] | None = None
        self._runs: dict[str, ManagedInvocationRun] = {}
        self._waiting: deque[ManagedInvocationRun] = deque()  # without a worker yet
        self._lingering = 0
        self._is_up = False
        self._end_reason = "spindown"

    @property
    def initialization_type(self) -> str:
        return "lambda-managed-instances"

    @property
    def slots(self) -> int:
        """The maximum concurrency, without workers whose invocations have timed out and still run."""
        return 0 if self.over else self._concurrency - self._lingering

    async def prepare(self) -> FunctionOutcome | None:
        if self._init is None:
            self._init = asyncio.get_running_loop().create_task(self._start())
        return await asyncio.shield(self._init)

    async def run(self, invocation: Invocation) -> None:
        if self._signalled is not None:
            await self._await_signalled(self._signalled)
        if self.over:
            raise EnvironmentOver("the environment has ended")
        if invocation.request_id in self._runs:
            raise DuplicatedInvocation(f"an invocation with the request id {invocation.request_id} is running")
        run = self._runs[invocation.request_id] = ManagedInvocationRun(invocation)
        try:
            invocation.cold = not self._is_up
            failure = await self.prepare() or await self._serve(run)
            self._begin(run)
            if failure is not None:
                run.fail(failure)
            self._complete(run)
        finally:
            del self._runs[invocation.request_id]

    async def close(self) -> None:
        if self._init is not None and not self._init.done():
            self._init.cancel()
            await asyncio.wait({self._init})
        self.over = True
        await self._end(self._end_reason)
        self._filesystem.close()

    # Events on demand

    def time_out_now(self) -> None:
        for run in self._runs.values():
            if run.delivered.done():
                run.end_with(ProcessEvent.TIMED_OUT)

    def deliver_stale_reply(self) -> None:
        raise EmulatorError(
            "a stale reply needs an environment with one invocation at a time; omit managed_concurrency"
        )

    # Observer of the Runtime API and of the processes

    def on_next(self) -> None:
        """Note that a worker polls; the first poll ends the init."""
        if not self._is_up:
            self._look_at_memory()
            self._settle(ProcessEvent.NEXT)
        self._hand_out()
        assert self._api is not None
        if self._api.lingering < self._lingering:
            self._lingering = self._api.lingering
            self.on_change(self)

    def on_restore_next(self) -> None:
        """Do nothing: Managed Instances have no snapshots."""

    def on_outcome(self, invocation: Invocation, answer: FunctionOutcome) -> None:
        """Complete the invocation with its outcome."""
        if answer.error is not None:
            self._look_for_read_only(answer.payload.decode("utf-8", "replace"))
        run = self._runs.get(invocation.request_id)
        if run is not None and not run.ended.done():
            run.take_reply(answer)
            run.end_with(ProcessEvent.NEXT)
        invocation.answer(answer)

    def on_request(self, exchange: Exchange) -> None:
        """Record the time at which a reply begins."""
        path = exchange.request.path.split("/")
        if exchange.request.method == "POST" and len(path) > 4 and path[3] == "invocation":
            run = self._runs.get(unquote(path[4]))
            if run is not None and run.clock is not None:
                run.clock.reply_began = time.perf_counter()

    def on_exited(self, returncode: int) -> None:
        """End the environment and every invocation in it."""
        super().on_exited(returncode)
        self._fail_all(ProcessEvent.EXITED)

    def on_extension_failed(self) -> None:
        super().on_extension_failed()
        self._fail_all(ProcessEvent.EXTENSION_FAILED)

    # Phases

    async def _start(self) -> FunctionOutcome | None:
        try:
            failure = await self._initialize("init", self.function.init_timeout_s, None)
        except BaseException:  # e.g. without a free port: the next invocation tries it in another environment
            self.over = True
            raise
        self._is_up = failure is None
        return failure

    async def _serve(self, run: ManagedInvocationRun) -> FunctionOutcome | None:
        """Let a worker run an invocation; return the failure, unless the worker reported it."""
        assert self._sandbox is not None and self._api is not None
        self._waiting.append(run)
        self._hand_out()
        await asyncio.wait({run.delivered}, timeout=WORKER_LIMIT_S)
        if not run.delivered.done():
            self._waiting.remove(run)
            return outcomes.failure(
                Unavailable.error_type, f"No worker of the runtime asked for an invocation in {WORKER_LIMIT_S:g} s"
            )
        await asyncio.wait({run.ended}, timeout=self.function.timeout_s)
        event = run.ended.result() if run.ended.done() else ProcessEvent.TIMED_OUT
        await self._sandbox.drain()
        if event is ProcessEvent.NEXT:
            return None
        run.end_with(event)
        if event is not ProcessEvent.TIMED_OUT:
            return self._ended(self._sandbox, event).answer(run.invocation.request_id)
        failure = outcomes.timed_out(run.invocation.request_id, self.function.timeout_s)
        run.fail(failure)
        self._api.time_out(run.invocation, failure)
        self._lingering = self._api.lingering
        return failure

    def _hand_out(self) -> None:
        """Give waiting invocations to workers that poll."""
        assert self._api is not None
        while self._waiting and self._api.idle and not self.over:
            run = self._waiting.popleft()
            self._begin(run)
            run.invocation.deadline_ms = int((time.time() + self.function.timeout_s) * 1000)
            run.clock = InvocationClock()
            self._api.deliver(run.invocation)
            run.delivered.set_result(None)

    def _fail_all(self, event: ProcessEvent) -> None:
        """End the environment because a process exited."""
        self._end_reason = "failure"
        self.over = True
        self._waiting.clear()
        for run in self._runs.values():
            run.end_with(event)
        self.on_change(self)

    def _begin(self, run: ManagedInvocationRun) -> None:
        if run.began is None:
            self._log.open(run.invocation.request_id)
            self._log.emit(run.begin(self.version))

    def _complete(self, run: ManagedInvocationRun) -> None:
        run.end_with(ProcessEvent.EXITED)  # of an invocation that no worker got
        if self._sandbox is not None:
            self._peak_mb = self._sandbox.peak_memory_mb()
        self._explain_read_only()
        ended = run.managed_end(memory_size_mb=self.function.memory_mb, max_memory_used_mb=self._peak_mb)
        self._log.emit(ended)
        logs = self._log.close(run.invocation.request_id)
        run.invocation.completed.set_result(Completion(ended.report, logs))

    def _ended(self, sandbox: Sandbox, event: ProcessEvent) -> EnvironmentFailure:
        failure = super()._ended(sandbox, event)
        return failure._replace(reason=failure.reason[:1].lower() + failure.reason[1:])  # as the open server words it

    # The processes

    def new_api(self) -> Application:
        options = replace(self.function.api, empty_headers=True, invocation_ids=True)
        self._api = ManagedRuntimeApi(self, options)  # pyright: ignore[reportArgumentType]
        return self._api

    def new_log_source(self) -> LogSource | None:
        path = self._filesystem.scratch / _COLLECTOR
        if len(str(path).encode()) > MAX_PATH:
            return None  # workers log to standard output, as without a collector
        most = _CONNECTIONS + 4 * (self.function.managed_concurrency or 0)  # a worker has two, and may be replaced
        return LogCollector(path, self._filesystem.tmp / _COLLECTOR, self._log.function_output, most=most)

    async def _reset(self, reason: str) -> None:
        """End the environment after a failed init; a retry needs a new environment."""
        self._end_reason = reason
        self.over = True
        await self._end(reason)
