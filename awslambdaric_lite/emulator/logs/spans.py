"""The parts of an invocation's time, as measured by the Runtime API."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from .invocation_events import Span


class InvocationClock:
    """Clock of one invocation; a moment that was not recorded omits the spans that need it."""

    __slots__ = ("_delivered", "_epoch", "extensions_ready", "reply_began", "reply_taken", "runtime_ready")

    def __init__(self) -> None:
        """Start the clock when the event is delivered."""
        self._epoch = time.time()
        self._delivered = time.perf_counter()
        self.reply_began: float | None = None
        self.reply_taken: float | None = None
        self.runtime_ready: float | None = None
        self.extensions_ready: float | None = None

    def runtime_spans(self) -> tuple[Span, ...]:
        """Return the runtime's spans: until it began to reply, until the reply ended, until it polled again."""
        return (
            *self._span("responseLatency", self._delivered, self.reply_began),
            *self._span("responseDuration", self.reply_began, self.reply_taken),
            *self._span("runtimeOverhead", self.reply_taken, self.runtime_ready),
        )

    def extension_spans(self) -> tuple[Span, ...]:
        """Return the span by which the extensions took longer than the runtime."""
        return self._span("extensionOverhead", self.runtime_ready, self.extensions_ready)

    def runtime_ms(self, until: float) -> float:
        """Return the milliseconds for which the runtime had the event."""
        return (until - self._delivered) * 1000

    def _span(self, name: str, start: float | None, end: float | None) -> tuple[Span, ...]:
        if start is None or end is None:
            return ()
        began = datetime.fromtimestamp(self._epoch + start - self._delivered, timezone.utc)
        return (Span(name, began, (end - start) * 1000),)
