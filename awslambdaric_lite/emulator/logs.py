"""The log stream of an execution environment: what the process prints and what the platform adds, line by line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from .results import Report

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

    def platform(self, line: str) -> None:
        """Add a line of the platform's own; an unfinished line of the process ends before it."""
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


def start_line(request_id: str, version: str) -> str:
    """The line before the output of an invocation."""
    return f"START RequestId: {request_id} Version: {version}"


def end_lines(report: Report) -> list[str]:
    """The lines after the output of an invocation."""
    return [f"END RequestId: {report.request_id}", report.line()]


def init_report_line(duration_ms: float, phase: str, error_type: str | None) -> str:
    """The line about an init that failed (`error_type`) or ran out of time (None)."""
    status = "timeout" if error_type is None else f"error\tError Type: {error_type}"
    return f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\tStatus: {status}"


def time_out_line(request_id: str, timeout_s: float) -> str:
    """The line about an invocation that ran out of time."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{now} {request_id} Task timed out after {timeout_s:.2f} seconds"
