"""The measures: their names, titles and units."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024
"""As Lambda counts memory."""


@dataclass(frozen=True)
class Measure:
    """One figure of a run, in seconds or bytes; `name` is for programs, `title` for people.

    A run with less than `fewest` warm invocations has no such figure: a 99th percentile needs a hundred.
    """

    name: str
    title: str
    in_bytes: bool = False
    fewest: int = 0

    @property
    def unit(self) -> str:
        """The unit of its figures."""
        return "bytes" if self.in_bytes else "seconds"

    def text(self, value: float) -> str:
        """Return a figure with the unit that fits its size."""
        if self.in_bytes:
            return f"{value / MEGABYTE:.1f} MB"
        if value >= 1:
            return f"{value:.2f} s"
        return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.0f} µs"


COLD_START = Measure("spawn_to_response", "cold start: start to response")
COLD_START_DROPPED = Measure("spawn_to_response_dropped", "cold start, page cache dropped")
FIRST = Measure("first_event_to_response", "first invocation: event to response")
WARM = Measure("event_to_response_p50", "warm: event to response p50")
FIRST_CPU = Measure("cpu_first", "CPU time, first invocation")
PEAK_MEMORY = Measure("memory_peak", "peak memory", in_bytes=True)

MEASURES = (
    Measure("spawn_to_next", "init: start to first poll"),
    COLD_START,
    WARM,
    Measure("event_to_response_p90", "warm: event to response p90", fewest=10),
    Measure("event_to_response_p99", "warm: event to response p99", fewest=100),
    Measure("event_to_next_p50", "warm: event to next poll p50"),
    Measure("cpu_init", "CPU time, init"),
    FIRST_CPU,
    Measure("cpu_warm", "CPU time, warm invocation"),
    Measure("memory_at_next", "memory at the first poll", in_bytes=True),
    PEAK_MEMORY,
)
"""In the order of the table."""

WHAT_IF_MEASURES = (COLD_START, COLD_START_DROPPED, FIRST, FIRST_CPU, PEAK_MEMORY)
"""In the order of the columns."""
