"""The log stream of an environment with concurrent invocations, which assigns lines to invocations."""

from __future__ import annotations

from collections import deque

from .kept_log import MAX_KEPT, KeptLog
from .levels import ApplicationLevel, LogFormat, SystemLevel
from .stream import LineSink, LogStream

_UNCLAIMED = 10_000  # lines of a function that prints without an invocation


class SharedLogStream(LogStream):
    """Log stream that assigns lines to running invocations by their request ids.

    A line without one, e.g. of `print`, is assigned to every running invocation, or to the next one if none runs. A
    line of a complete invocation is shown and assigned to none.
    """

    def __init__(
        self,
        sink: LineSink | None = None,
        *,
        log_format: LogFormat = "JSON",
        level: ApplicationLevel | None = None,
        system_level: SystemLevel | None = None,
    ) -> None:
        super().__init__(sink, log_format=log_format, level=level, system_level=system_level)
        self._open: dict[str, KeptLog] = {}
        self._unclaimed: deque[str] = deque()
        self._unclaimed_size = 0

    def open(self, request_id: str) -> None:
        """An invocation begins."""
        kept = self._open[request_id] = KeptLog()
        for line in self._unclaimed:
            kept.add(line)
        self._unclaimed.clear()
        self._unclaimed_size = 0

    def close(self, request_id: str) -> str:
        """End an invocation; return its lines, each with its newline."""
        return self._open.pop(request_id).text()

    def _keep(self, line: str, request_id: object) -> None:
        if isinstance(request_id, str) and request_id:
            if request_id in self._open:
                self._open[request_id].add(line)
        elif self._open:
            for kept in self._open.values():
                kept.add(line)
        else:
            self._unclaimed.append(line)
            self._unclaimed_size += len(line)
            while len(self._unclaimed) > _UNCLAIMED or self._unclaimed_size > MAX_KEPT:
                self._unclaimed_size -= len(self._unclaimed.popleft())

    def _interrupt(self) -> None:
        """Do nothing: lines of other invocations may come before the end of an unfinished line."""
