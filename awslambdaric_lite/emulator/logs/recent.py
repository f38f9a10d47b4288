"""The last lines of a function's log: readers get those that are kept, and wait for the next one."""

from __future__ import annotations

import asyncio
from collections import deque

LIMIT = 1024 * 1024
"""Characters that are kept of one function's log."""


class RecentLines:
    """Last lines of a log, numbered from 1; all calls come from one event loop."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lines: deque[str] = deque()
        self._size = 0
        self.added = 0
        """The number of lines so far."""
        self._waiting: list[asyncio.Future[None]] = []

    def add(self, line: str) -> None:
        """Add a line; the oldest ones are removed where they are too many."""
        self._lines.append(line)
        self._size += len(line) + 1
        self.added += 1
        while self._size > self._limit and len(self._lines) > 1:
            self._size -= len(self._lines.popleft()) + 1
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for reader in waiting:
                if not reader.done():
                    reader.set_result(None)

    def after(self, number: int) -> tuple[list[str], int, int]:
        """Return the lines after that number, the number of the last one, and how many of them are not kept."""
        missed = max(self.added - len(self._lines) - number, 0)
        new = min(self.added - number, len(self._lines))
        return list(self._lines)[len(self._lines) - new :], self.added, missed

    async def wait(self) -> None:
        """Wait for the next line."""
        reader = asyncio.get_running_loop().create_future()
        self._waiting.append(reader)
        await reader
