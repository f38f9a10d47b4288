"""Waiting for what the processes of an environment do next, one wait at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set
from enum import Enum


class ProcessEvent(Enum):
    """What ended a wait for the runtime, or for the extensions."""

    NEXT = "asked for an invocation"
    RESTORE_READY = "waits to be restored"
    INIT_ERROR = "reported that its init or its restore failed"
    EXTENSIONS_REGISTERED = "has extensions that have all registered"
    EXTENSIONS_READY = "has extensions that are all ready"
    EXTENSION_FAILED = "has an extension that exited"
    EXITED = "exited"
    TIMED_OUT = "let the time pass"


RUNTIME_EVENTS = frozenset({ProcessEvent.NEXT, ProcessEvent.RESTORE_READY, ProcessEvent.INIT_ERROR})
EXTENSION_EVENTS = frozenset({ProcessEvent.EXTENSIONS_REGISTERED, ProcessEvent.EXTENSIONS_READY})


class EventWaiter:
    """The wait that goes on, and when the last one ended (`at`, by `time.perf_counter`)."""

    def __init__(self) -> None:
        self.at = 0.0
        self._event: asyncio.Future[ProcessEvent] | None = None
        self._ignored: Set[ProcessEvent] = EXTENSION_EVENTS

    def expect_runtime(self) -> None:
        """From now on the runtime is waited for."""
        self._expect(ignored=EXTENSION_EVENTS)

    def expect_extensions(self) -> None:
        """From now on the extensions are waited for."""
        self._expect(ignored=RUNTIME_EVENTS)

    def settle(self, event: ProcessEvent) -> None:
        """End the wait, if there is one and this is what it is for; an end of a process always is."""
        if self._event is not None and not self._event.done() and event not in self._ignored:
            self.at = time.perf_counter()
            self._event.set_result(event)

    async def wait(self, limit_s: float) -> ProcessEvent:
        """What ended the wait, which may have been before this call."""
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
