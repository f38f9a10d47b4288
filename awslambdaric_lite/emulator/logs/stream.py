"""The log stream of an execution environment: what the process prints and what the platform adds, line by line."""

from __future__ import annotations

from collections.abc import Callable

from .events import PlatformEvent

LineSink = Callable[[str], None]


class LogStream:
    """Puts bytes together to lines, keeps them until they are taken, and shows each to a sink at once."""

    def __init__(self, sink: LineSink | None = None) -> None:
        self._sink = sink
        self._lines: list[str] = []
        self._partial = b""

    def feed(self, data: bytes) -> None:
        """Add output of the process."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._add(line.decode("utf-8", "replace"))

    def emit(self, event: PlatformEvent) -> None:
        """Add an event of the platform; an unfinished line of the process ends before it."""
        self._finish_line()
        for line in event.lines():
            self._add(line)

    def note(self, line: str) -> None:
        """Add a line of the platform that is no event of the telemetry."""
        self._finish_line()
        self._add(line)

    def take(self) -> str:
        """Everything since the last time, each line with its newline."""
        self._finish_line()
        lines, self._lines = self._lines, []
        return "".join(f"{line}\n" for line in lines)

    def _finish_line(self) -> None:
        if self._partial:
            self.feed(b"\n")

    def _add(self, line: str) -> None:
        self._lines.append(line)
        if self._sink is not None:
            try:
                self._sink(line)
            except Exception:  # the reader's trouble (a closed terminal, say) must not become the function's
                self._sink = None
