"""Base of execution environments: processes, a Runtime API, a scratch folder, a log stream, init and shutdown.

Two classes run the invocations: one at a time (`ClassicEnvironment`), or concurrently (`ManagedEnvironment`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from typing_extensions import deprecated

from ..config.function import FunctionConfig
from ..errors import EmulatorError
from ..http.exchange import Application, Exchange
from ..http.faults import Faults
from ..logs.events import InitPhase, InitReport, InitRuntimeDone, InitStart, Instance, Outcome
from ..logs.stream import LogStream
from ..logs.timestamps import iso_time, now
from ..results import FunctionOutcome, Invocation
from ..runtime_api import outcomes
from .event_waiter import ProcessEvent
from .exec_wrapper import wrapped
from .filesystem import Filesystem
from .parent_death_watcher import ParentDeathWatcher
from .processes import EnvironmentProcesses
from .sandbox import LogSource, Sandbox
from .variables import log_stream_name, process_environment

EXIT_GRACE_S = 2.0  # for a runtime that has reported an init error, to log more and exit
PREPARATION_LIMIT_S = 130.0  # of an init that no invocation waits for; source: "Lambda runtime environment"

# What errors say about a read-only file: of the C library and Python, of Node, and of SQLite.
_READ_ONLY_ERROR = re.compile(r"read-only file system|\bEROFS\b|attempt to write a readonly database", re.IGNORECASE)
_READ_ONLY_ADVICE = (
    "AWS refuses this write, too: a function's folder is read-only there. Write to /tmp (tempfile.gettempdir()), or "
    "allow it here with --writable, in LocalLambda with read_only=False."
)


class EnvironmentOver(EmulatorError):
    """An environment cannot run the invocation that it was chosen for; another environment is needed."""


class ExecutionEnvironment(EnvironmentProcesses, ABC):
    """One execution environment.

    Attributes:
        over: whether it will never run an invocation again.
        on_change: called when it is over, or when it has more free slots although no invocation is complete.
    """

    def __init__(
        self,
        function: FunctionConfig,
        filesystem: Filesystem,
        watcher: ParentDeathWatcher | None,
        log: LogStream,
        *,
        version: str = "$LATEST",
        provisioned: bool = False,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(function, log)
        self.over = False
        self.on_change: Callable[[ExecutionEnvironment], None] = lambda environment: None
        self.variables: Mapping[str, str] = {}
        """Variables that the processes get unless the function sets them."""
        self.version = version
        self.provisioned = provisioned
        self.log_stream = log_stream_name(version)
        self._instance = Instance(function.name, version, self.log_stream, function.memory_mb, function.region)
        self._filesystem = filesystem
        self._watcher = watcher
        self._faults = faults
        self._started_at = 0.0
        self._met_read_only = False
        if filesystem.is_read_only:
            log.listen(lambda record: self._look_for_read_only(record.record))

    @property
    @abstractmethod
    def initialization_type(self) -> str:
        """The value of `AWS_LAMBDA_INITIALIZATION_TYPE`."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """The number of invocations that it can run concurrently at present."""

    @abstractmethod
    async def prepare(self) -> FunctionOutcome | None:
        """Start the runtime before its first invocation; return the failure."""

    @abstractmethod
    async def run(self, invocation: Invocation) -> None:
        """Run one invocation to its completion; the caller receives the outcome before that.

        Raises:
            EnvironmentOver: the environment was over before.
        """

    async def restore(self) -> FunctionOutcome | None:
        """Restore a runtime before its first invocation; return the failure.

        Raises:
            EmulatorError: the function has no snapshots.
        """
        raise EmulatorError("the function has no snapshots to restore")

    async def close(self) -> None:
        """Shut the processes down, as in a spin-down, and wait until all have exited."""
        await self._end("spindown")
        self._filesystem.close()

    async def discard(self) -> None:
        """Close the environment and remove its files."""
        await self.close()
        shutil.rmtree(self._filesystem.scratch, ignore_errors=True)

    # Events on demand

    @abstractmethod
    def time_out_now(self) -> None:
        """Time out the running invocations."""

    @abstractmethod
    def deliver_stale_reply(self) -> None:
        """Make the running attempt stale: its reply gets 410, and the runtime gets the event again.

        Raises:
            EmulatorError: no invocation runs, or attempts have no ids (`ApiOptions.invocation_ids`).
        """

    @deprecated("cross_wire() is now deliver_stale_reply(); the old name will be removed in the next release")
    def cross_wire(self) -> None:
        """Call `deliver_stale_reply`, which is the name now."""
        self.deliver_stale_reply()

    # Differences between the two kinds

    @abstractmethod
    def on_request(self, exchange: Exchange) -> None:
        """Note that a request to the port begins."""

    @abstractmethod
    def new_api(self) -> Application:
        """Create the Runtime API of new processes."""

    @abstractmethod
    def new_log_source(self) -> LogSource | None:
        """Create the second log source of new processes; None for none."""

    # The init

    async def _initialize(self, phase: InitPhase, limit_s: float, request_id: str | None) -> FunctionOutcome | None:
        """Start the processes and wait until they are ready; return the failure."""
        await self._end("failure")  # of extensions that outlived their runtime
        self.on_activity(self, True)
        self._started_at = time.perf_counter()
        self._reported = None
        self._peak_mb = 0
        self._filesystem.prepare()
        recorded = self.requests if self.function.api.record_requests else None
        sandbox = self._sandbox = Sandbox(
            self.function, self.version, self._log, self._watcher, self, self.new_api(), recorded, self._faults
        )
        self._log.emit(InitStart(self.initialization_type, phase, self._instance))
        try:
            event = await self._bring_up(sandbox, limit_s)
        except OSError as error:
            self._event_waiter.at = time.perf_counter()
            failure = outcomes.invalid_entrypoint(request_id, error)
        else:
            if event in (ProcessEvent.NEXT, ProcessEvent.RESTORE_READY):
                self._report_init(sandbox, phase, "success")
                return None
            if event is ProcessEvent.TIMED_OUT:
                self._report_init(sandbox, phase, "timeout")
                await self._reset("timeout")
                if phase == "invoke" and request_id is not None:
                    self._log.note(self._time_out_line(request_id))
                return outcomes.timed_out(request_id, limit_s)
            failure = await self._failure(sandbox, event, request_id)
            self._look_for_read_only(failure.payload.decode("utf-8", "replace"))
        self._report_init(sandbox, phase, "error", failure.error_type)
        await self._reset("failure")
        return failure

    async def _bring_up(self, sandbox: Sandbox, limit_s: float) -> ProcessEvent:
        """Start the extensions, then the runtime; return when all are ready, or one has failed.

        Raises:
            OSError: the runtime cannot be started.
        """
        extensions = sandbox.extensions
        variables = process_environment(
            self.function,
            version=self.version,
            initialization_type=self.initialization_type,
            runtime_api=sandbox.address,
            filesystem=self._filesystem,
            log_stream=self.log_stream,
            defaults=self.variables,
        )
        self._event_waiter.expect_extensions()
        programs = (*self.function.extensions, *self._filesystem.extension_programs)
        extensions.launch(programs, variables, self._filesystem.extension_command)
        if not extensions.registered or extensions.failure is not None:
            event = await self._wait(sandbox, limit_s)
            if event is not ProcessEvent.EXTENSIONS_REGISTERED:
                return event
        self._event_waiter.expect_runtime()
        command, added = wrapped(self.function, variables, self._filesystem)
        variables |= added
        command = self._filesystem.command(command, variables)
        sandbox.start_runtime(command, variables, self._filesystem.task_root, self.new_log_source())
        event = await self._wait(sandbox, self._started_at + limit_s - time.perf_counter())
        if event not in (ProcessEvent.NEXT, ProcessEvent.RESTORE_READY):
            return event
        extensions.runtime_is_up()
        after = await self._await_extensions(sandbox, self._started_at + limit_s - time.perf_counter())
        return event if after is ProcessEvent.EXTENSIONS_READY else after

    def _report_init(self, sandbox: Sandbox, phase: InitPhase, outcome: Outcome, error_type: str | None = None) -> None:
        self._explain_read_only()
        kind = self.initialization_type
        took_ms = (self._event_waiter.at - self._started_at) * 1000
        self._log.emit(InitRuntimeDone(kind, phase, outcome, error_type))
        sandbox.extensions.report()
        self._log.emit(InitReport(kind, phase, took_ms, outcome, error_type))

    async def _failure(self, sandbox: Sandbox, event: ProcessEvent, request_id: str | None) -> FunctionOutcome:
        """Return the outcome for the caller of a failed init or restore."""
        if event is ProcessEvent.INIT_ERROR:
            assert self._reported is not None
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(sandbox.gone.wait(), EXIT_GRACE_S)
            return self._reported
        return self._ended(sandbox, event).answer(request_id)

    # The read-only task root

    def _look_for_read_only(self, text: object) -> None:
        """Note whether a log line or an error says that the function tried to write to a read-only file."""
        if self._filesystem.is_read_only and _READ_ONLY_ERROR.search(str(text)):
            self._met_read_only = True

    def _explain_read_only(self) -> None:
        """Log once what the noted errors mean."""
        if self._met_read_only:
            self._met_read_only = False
            self._log.advise(_READ_ONLY_ADVICE)

    # The processes

    async def _reset(self, reason: str) -> None:
        """Shut every process down after a failure; `/tmp` stays."""
        await self._end(reason)

    def _time_out_line(self, request_id: str) -> str:
        return f"{iso_time(now())} {request_id} Task timed out after {self.function.timeout_s:.2f} seconds"
