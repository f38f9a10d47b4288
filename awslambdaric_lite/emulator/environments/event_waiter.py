"""Waiting for what the processes of an environment do next, one wait at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set
from enum import Enum


class Turn(Enum):
    """What ended a wait for the runtime, or for the extensions."""

    NEXT = "asked for an invocation"
    RESTORE_READY = "waits to be restored"
    INIT_ERROR = "reported that its init or its restore failed"
    EXTENSIONS_REGISTERED = "has extensions that have all registered"
    EXTENSIONS_READY = "has extensions that are all ready"
    EXTENSION_FAILED = "has an extension that exited"
    EXITED = "exited"
    TIMED_OUT = "let the time pass"


OF_RUNTIME = frozenset({Turn.NEXT, Turn.RESTORE_READY, Turn.INIT_ERROR})
OF_EXTENSIONS = frozenset({Turn.EXTENSIONS_REGISTERED, Turn.EXTENSIONS_READY})


class Turns:
    """The wait that goes on, and when the last one ended (`at`, by `time.perf_counter`)."""

    def __init__(self) -> None:
        self.at = 0.0
        self._turn: asyncio.Future[Turn] | None = None
        self._ignored: Set[Turn] = OF_EXTENSIONS

    def expect_runtime(self) -> None:
        """From now on the runtime is waited for."""
        self._expect(ignored=OF_EXTENSIONS)

    def expect_extensions(self) -> None:
        """From now on the extensions are waited for."""
        self._expect(ignored=OF_RUNTIME)

    def settle(self, turn: Turn) -> None:
        """End the wait, if there is one and this is what it is for; an end of a process always is."""
        if self._turn is not None and not self._turn.done() and turn not in self._ignored:
            self.at = time.perf_counter()
            self._turn.set_result(turn)

    async def wait(self, limit_s: float) -> Turn:
        """What ended the wait, which may have been before this call."""
        assert self._turn is not None
        await asyncio.wait({self._turn}, timeout=max(limit_s, 0.0))
        if not self._turn.done():
            self.at = time.perf_counter()
            self._turn.cancel()
            return Turn.TIMED_OUT
        return self._turn.result()

    def _expect(self, *, ignored: Set[Turn]) -> None:
        self._ignored = ignored
        self._turn = asyncio.get_running_loop().create_future()
