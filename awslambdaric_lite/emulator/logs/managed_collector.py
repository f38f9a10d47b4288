"""The log stream of an environment with concurrent invocations, which assigns lines to invocations."""

from __future__ import annotations

from collections import deque

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
        self._open: dict[str, list[str]] = {}
        self._unclaimed: deque[str] = deque(maxlen=_UNCLAIMED)

    def open(self, request_id: str) -> None:
        """An invocation begins."""
        self._open[request_id] = list(self._unclaimed)
        self._unclaimed.clear()

    def close(self, request_id: str) -> str:
        """End an invocation; return its lines, each with its newline."""
        return "".join(f"{line}\n" for line in self._open.pop(request_id))

    def _keep(self, line: str, request_id: object) -> None:
        if isinstance(request_id, str) and request_id:
            if request_id in self._open:
                self._open[request_id].append(line)
        elif self._open:
            for lines in self._open.values():
                lines.append(line)
        else:
            self._unclaimed.append(line)

    def _interrupt(self) -> None:
        """Do nothing: lines of other invocations may come before the end of an unfinished line."""
