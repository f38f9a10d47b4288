"""One invocation in an environment: its times, its outcome and its log events."""

from __future__ import annotations

import asyncio
import time

from ..logs.invocation_events import Ended, ManagedEnded, RuntimeDone, Start
from ..logs.spans import InvocationClock
from ..results import FunctionOutcome, Invocation, Report, Status
from ..runtime_api import outcomes
from .event_waiter import ProcessEvent


class InvocationRun:
    """Collector of one invocation's timings, which it renders as log events."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.began: float | None = None
        self.clock: InvocationClock | None = None
        self.init_ms: float | None = None
        self.restore_ms: float | None = None
        self.failure: FunctionOutcome | None = None
        self.status: Status = "success"
        self._produced = 0

    def begin(self, version: str) -> Start:
        """Start the invocation's time."""
        self.began = time.perf_counter()
        invocation = self.invocation
        return Start(invocation.request_id, version, invocation.trace_id, invocation.tenant_id)

    def take_reply(self, answer: FunctionOutcome) -> None:
        """Record the runtime's reply."""
        stream = self.invocation.stream
        self._produced = len(answer.payload) if stream is None else stream.size
        if self.clock is not None:
            self.clock.reply_taken = time.perf_counter()

    def runtime_done(self, at: float, error_type: str | None = None) -> RuntimeDone:
        """Return the event for a runtime that succeeded or failed at a moment."""
        assert self.clock is not None
        return RuntimeDone(
            self.invocation.request_id,
            self.status,
            self.clock.runtime_ms(at),
            self._produced,
            self.clock.runtime_spans(),
            error_type,
            self.invocation.trace_id,
        )

    def fail(self, failure: FunctionOutcome) -> None:
        """Fail the invocation; the caller receives the failure, unless it has an outcome."""
        self.failure = failure
        self.status = "timeout" if failure.error_type == outcomes.TIMED_OUT else "error"
        self.invocation.answer(failure)

    def end(self, at: float, *, memory_size_mb: int, max_memory_used_mb: int, has_extensions: bool) -> Ended:
        """Return the event for a complete invocation."""
        report = self.report(at, memory_size_mb=memory_size_mb, max_memory_used_mb=max_memory_used_mb)
        spans = self.clock.extension_spans() if has_extensions and self.clock is not None else ()
        return Ended(report, spans, self.invocation.trace_id)

    def report(self, at: float, *, memory_size_mb: int, max_memory_used_mb: int) -> Report:
        """Return the figures of the invocation."""
        assert self.began is not None
        return Report(
            request_id=self.invocation.request_id,
            duration_ms=(at - self.began) * 1000,
            memory_size_mb=memory_size_mb,
            max_memory_used_mb=max_memory_used_mb,
            init_duration_ms=None if self.restore_ms is not None else self.init_ms,
            restore_duration_ms=self.restore_ms,
            status=self.status,
            error_type=None if self.failure is None else self.failure.error_type,
        )


class ManagedInvocationRun(InvocationRun):
    """One of several concurrent invocations in an environment.

    Attributes:
        delivered: done when a worker has the invocation, or no worker will get it.
        ended: the event that ended it, at the moment `ended_at` (by `time.perf_counter`).
    """

    def __init__(self, invocation: Invocation) -> None:
        super().__init__(invocation)
        loop = asyncio.get_running_loop()
        self.delivered: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[ProcessEvent] = loop.create_future()
        self.ended_at = 0.0

    def end_with(self, event: ProcessEvent) -> None:
        """End the invocation with an event; a second end is ignored."""
        if not self.delivered.done():
            self.delivered.set_result(None)
        if not self.ended.done():
            self.ended_at = time.perf_counter()
            self.ended.set_result(event)

    def managed_end(self, *, memory_size_mb: int, max_memory_used_mb: int) -> ManagedEnded:
        """Return the event for a complete invocation."""
        report = self.report(self.ended_at, memory_size_mb=memory_size_mb, max_memory_used_mb=max_memory_used_mb)
        spans = () if self.clock is None else self.clock.runtime_spans()
        return ManagedEnded(report, spans, self.invocation.trace_id)
