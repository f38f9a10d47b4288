"""Waits for the next event of an environment's processes, one wait at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set
from enum import Enum


class ProcessEvent(Enum):
    """Event that ended a wait for the runtime, or for the extensions."""

    NEXT = "asked for an invocation"
    RESTORE_READY = "waits to be restored"
    INIT_ERROR = "reported that its init or its restore failed"
    EXTENSIONS_REGISTERED = "has extensions that have all registered"
    EXTENSIONS_READY = "has extensions that are all ready"
    EXTENSION_FAILED = "has an extension that exited"
    EXITED = "exited"
    TIMED_OUT = "timed out"


RUNTIME_EVENTS = frozenset({ProcessEvent.NEXT, ProcessEvent.RESTORE_READY, ProcessEvent.INIT_ERROR})
EXTENSION_EVENTS = frozenset({ProcessEvent.EXTENSIONS_REGISTERED, ProcessEvent.EXTENSIONS_READY})


class EventWaiter:
    """The current wait, and the moment of the last event (`at`, by `time.perf_counter`)."""

    def __init__(self) -> None:
        self.at = 0.0
        self._event: asyncio.Future[ProcessEvent] | None = None
        self._ignored: Set[ProcessEvent] = EXTENSION_EVENTS

    def expect_runtime(self) -> None:
        """Begin a wait for the runtime."""
        self._expect(ignored=EXTENSION_EVENTS)

    def expect_extensions(self) -> None:
        """Begin a wait for the extensions."""
        self._expect(ignored=RUNTIME_EVENTS)

    def settle(self, event: ProcessEvent) -> None:
        """End the current wait, unless it is for other events; the exit of a process always ends it."""
        if self._event is not None and not self._event.done() and event not in self._ignored:
            self.at = time.perf_counter()
            self._event.set_result(event)

    async def wait(self, limit_s: float) -> ProcessEvent:
        """Return the event of the wait, which may have happened before this call."""
        assert self._event is not None
        await asyncio.wait({self._event}, timeout=max(limit_s, 0.0))
        if not self._event.done():
            self.at = time.perf_counter()
            self._event.cancel()
            return ProcessEvent.TIMED_OUT
        return self._event.result()

    def _expect(self, *, ignored: Set[ProcessEvent]) -> None:
        self._ignored = ignored
        self._event = asyncio.get_running_loop().create_future()
