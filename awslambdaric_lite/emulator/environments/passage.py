"""One invocation on its way through an environment: its times, its outcome, and what the log says of it."""

from __future__ import annotations

import time

from ..logs.invocation_events import Ended, RuntimeDone, Start
from ..logs.spans import InvocationClock
from ..results import Answer, Invocation, Report, Status
from ..runtime_api import payloads


class Passage:
    """Taken note of while the invocation proceeds, told of by events."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.began: float | None = None
        self.clock: InvocationClock | None = None
        self.init_ms: float | None = None
        self.restore_ms: float | None = None
        self.failure: Answer | None = None
        self.status: Status = "success"
        self._produced = 0

    def begin(self, version: str) -> Start:
        """The invocation's own time starts."""
        self.began = time.perf_counter()
        invocation = self.invocation
        return Start(invocation.request_id, version, invocation.trace_id, invocation.tenant_id)

    def take_reply(self, answer: Answer) -> None:
        """The runtime has replied."""
        stream = self.invocation.stream
        self._produced = len(answer.payload) if stream is None else stream.size
        if self.clock is not None:
            self.clock.reply_taken = time.perf_counter()

    def runtime_done(self, at: float, error_type: str | None = None) -> RuntimeDone:
        """The runtime is done at that moment, well or not."""
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

    def fail(self, failure: Answer) -> None:
        """It went wrong; the caller is told, unless it has its answer."""
        self.failure = failure
        self.status = "timeout" if failure.error_type == payloads.TIMED_OUT else "error"
        self.invocation.answer(failure)

    def end(self, at: float, *, memory_size_mb: int, max_memory_used_mb: int, has_extensions: bool) -> Ended:
        """It is complete."""
        assert self.began is not None
        report = Report(
            request_id=self.invocation.request_id,
            duration_ms=(at - self.began) * 1000,
            memory_size_mb=memory_size_mb,
            max_memory_used_mb=max_memory_used_mb,
            init_duration_ms=None if self.restore_ms is not None else self.init_ms,
            restore_duration_ms=self.restore_ms,
            status=self.status,
            error_type=None if self.failure is None else self.failure.error_type,
        )
        spans = self.clock.extension_spans() if has_extensions and self.clock is not None else ()
        return Ended(report, spans, self.invocation.trace_id)
