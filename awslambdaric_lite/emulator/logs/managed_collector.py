"""The log stream of an environment that runs several invocations at once: which line belongs to which of them."""

from __future__ import annotations

from collections import deque

from .levels import ApplicationLevel, LogFormat, SystemLevel
from .stream import LineSink, LogStream

_UNCLAIMED = 10_000  # lines of a function that goes on printing while nobody invokes it


class SharedLogStream(LogStream):
    """Keeps the lines of each open invocation apart, by the request ids that they name.

    A line without one, as of `print`, belongs to every invocation that is open when it comes, for nobody can tell; what
    comes while none is open belongs to the next one. A line of an invocation that is over is shown, and kept by nobody.
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
        """It is over: return its lines, each with its newline."""
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
        """Nothing: an unfinished line is one invocation's, what comes between may be another's."""
