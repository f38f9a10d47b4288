"""The counts and their tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import allocations, instructions, state, system_calls
from .subject import Subject

Figures = dict[str, tuple[float, str]]
"""Counts by name, each with its composition where that helps."""


@dataclass(frozen=True)
class Count:
    """One kind of count."""

    name: str
    title: str
    tool: str
    tolerance: float = 0.0
    """Share by which the count may exceed its budget. With `python -m benchmarks guard`, repetitions change warm
    instructions by 0.1 %, and the names of other folders those of a start by 0.4 %; the other counts are exact."""
    of_build: bool = False
    """Whether another build of the same version of Python has other figures."""


COUNTS = (
    Count("modules_at_first_next", "modules at the first event", "sys.modules"),
    Count("system_calls_warm", "system calls of a warm invocation", "strace"),
    Count(
        "allocations_warm", "allocations of a warm invocation", "malloc, calloc and realloc with PYTHONMALLOC=malloc"
    ),
    Count("blocks_kept", "blocks of memory kept by a warm invocation", "sys.getallocatedblocks"),
    Count("instructions_cold", "instructions up to the first poll", "valgrind --tool=callgrind", 0.01, of_build=True),
    Count("instructions_warm", "instructions of a warm invocation", "valgrind --tool=callgrind", 0.005, of_build=True),
)


def by_name() -> dict[str, Count]:
    """Return the counts by their names."""
    return {count.name: count for count in COUNTS}


def counters() -> dict[tuple[str, ...], Callable[[Subject], Figures]]:
    """Return the counting functions by the names of their counts; each runs the subject once or twice."""
    return {
        ("modules_at_first_next", "blocks_kept"): state.count,
        ("system_calls_warm",): system_calls.count,
        ("allocations_warm",): allocations.count,
        ("instructions_cold", "instructions_warm"): instructions.count,
    }
