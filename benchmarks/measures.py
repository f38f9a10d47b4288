"""Descriptions of the measures, and the units of their figures, which follow from the names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .results import Results
from .scenarios import FUNCTIONS, scenarios

DESCRIPTIONS = {
    "spawn_to_next": "from the spawn of the process to its first poll",
    "spawn_to_response": "from the spawn to the response to a first event that waits for it",
    "spawn_to_error": "from the spawn to the error of a first event, a handler that raises",
    "event_to_response": "from sending a tiny event to its response, received whole",
    "event_to_next": "from sending a tiny event to the next poll, received: the whole invocation",
    "event_to_response_apigw": "the same as event_to_response, 1 KB API Gateway event echoed",
    "event_to_next_apigw": "the same as event_to_next, 1 KB API Gateway event echoed",
    "first_response": "from sending the first event to its response",
    "first_next": "from sending the first event to the poll after it",
    "first_error": "from sending the first event to the error of a handler that raises",
    "event_to_error": "from sending a tiny event to the posted error of a handler that raises",
    "event_to_first_byte": "from sending an event to the first byte of its streamed response",
    "cpu_init": "CPU time from the spawn to the first poll (steadier than spawn_to_next where others use the machine)",
    "cpu_first": "CPU time of the first invocation, all threads",
    "cpu_warm": "CPU time of a warm invocation, all threads, mean of a run",
    "cpu_first_error": "CPU time of the first invocation, which raises",
    "cpu_warm_error": "CPU time of a warm invocation that raises, mean of a run",
    "cpu_loadgen": "CPU time of the load generator itself for each invocation",
    "memory_at_next": "highest resident size up to the first poll (VmHWM)",
    "memory_peak": "highest resident size up to the end of the run (VmHWM)",
    "proportional_at_next": "memory at the first poll, shared pages divided by their users (PSS)",
    "proportional_at_end": "memory after the last invocation, shared pages divided by their users (PSS)",
    "modules_at_next": "modules loaded at the first poll",
    "instructions_init": "instructions executed in user space from the spawn to the first poll",
    "instructions_warm": "instructions executed in user space by a warm invocation",
    "stale_spawn_to_next": "a handler that imports boto3 from bytecode that looks stale, until its first poll",
    "good_spawn_to_next": "a handler that imports boto3 from valid bytecode, until its first poll",
    "missing_spawn_to_next": "a handler that imports boto3 without any bytecode, until its first poll",
    "good_spawn_to_next_dropped": "the same as good_spawn_to_next with an empty page cache",
    "spawn_to_next_layers": "from the spawn to the first poll, started as the layers are",
    "spawn_to_response_layers": "from the spawn to the first response, started as the layers are",
}

_APPLICATION = "|".join(FUNCTIONS)
_PATTERNS = (
    (r"managed_(\d+)_spawn_to_polls", "Managed Instances: from the spawn until {0} workers poll"),
    (r"managed_(\d+)_memory", "Managed Instances: memory of {0} workers and their parent (PSS)"),
    (r"stream_(\d+)_bytes_per_second", "streamed response, throughput in chunks of {0} bytes"),
    (r"payload_in_(\d+)", "from sending an event of {0} bytes to its response"),
    (r"payload_out_(\d+)", "from sending a tiny event to its response of {0} bytes, received whole"),
    (r"spawn_to_response_(\d+mb)", "from the spawn to the first response, with the CPU share of {0} in the invocation"),
    (r"spawn_to_error_(\d+mb)", "the same for a handler that raises, {0}"),
    (r"first_response_(\d+mb)", "from sending the first event to its response, with the CPU share of {0}"),
    (r"first_next_(\d+mb)", "from sending the first event to the poll after it, with the CPU share of {0}"),
    (r"first_error_(\d+mb)", "from sending the first event to the error, with the CPU share of {0}"),
    (rf"spawn_to_next_({_APPLICATION})", "from the spawn to the first poll, {0}"),
    (rf"spawn_to_next_dropped_({_APPLICATION})", "from the spawn to the first poll with an empty page cache, {0}"),
    (rf"cpu_first_({_APPLICATION})", "CPU time of the first invocation, all threads, {0}"),
    (rf"event_to_next_({_APPLICATION})", "a warm invocation up to the next poll, {0}"),
    (rf"memory_({_APPLICATION})", "highest resident size, {0}"),
    (r"codec_loads_(\w+)", "parsing alone, {0} event"),
    (r"codec_dumps_(\w+)", "encoding alone, {0} event"),
    (r"request_(asgi|wsgi)_(\w+)", "making the request of an application alone, {0}, {1} event"),
    (r"echo_(\w+)_memory", "highest resident size, {0} event echoed"),
    (r"echo_(\w+)", "from sending the event to its response, {0} event echoed"),
)


@dataclass(frozen=True)
class Unit:
    """A unit of figures: seconds, bytes or counts divided by `size`, with a number of digits."""

    name: str
    size: float
    digits: int

    def scaled(self, value: float) -> float:
        """Return a value (seconds, bytes, a count) in this unit."""
        return value / self.size

    def text(self, value: float) -> str:
        """Return a value (seconds, bytes, a count) with its unit."""
        return f"{self.scaled(value):.{self.digits}f} {self.name}".rstrip()


_SECONDS, _MILLISECONDS, _MICROSECONDS = Unit("s", 1.0, 2), Unit("ms", 1e-3, 2), Unit("µs", 1e-6, 1)
_MEGABYTES, _MEGABYTES_A_SECOND = Unit("MB", 1e6, 2), Unit("MB/s", 1e6, 0)
_MILLIONS, _COUNT = Unit("million", 1e6, 2), Unit("", 1.0, 0)


def is_memory(measure: str) -> bool:
    """Return whether the figures of a measure are bytes."""
    return "memory" in measure or measure.startswith("proportional")


def is_rate(measure: str) -> bool:
    """Return whether a higher figure is better."""
    return measure.endswith("_per_second")


def unit_of(measure: str, values: Sequence[float]) -> Unit:
    """Return the unit for the largest of the values, which are seconds, bytes or counts."""
    largest = max(values, default=0.0)
    if is_rate(measure):
        return _MEGABYTES_A_SECOND
    if is_memory(measure):
        return _MEGABYTES
    if measure.startswith("instructions"):
        return _MILLIONS
    if measure.startswith("modules"):
        return _COUNT
    if largest >= 4.0:
        return _SECONDS
    return _MILLISECONDS if largest >= 0.004 else _MICROSECONDS


def figure(measure: str, value: float, largest: float = 0.0) -> str:
    """Return a figure in the unit of the largest one in its row."""
    return unit_of(measure, (value, largest)).text(value)


def in_words(measure: str) -> str:
    """Return the description of a measure, or its name if it has none."""
    if measure in DESCRIPTIONS:
        return DESCRIPTIONS[measure]
    for pattern, words in _PATTERNS:
        found = re.fullmatch(pattern, measure)
        if found:
            return words.format(*(FUNCTIONS.get(group) or _spaced(group) for group in found.groups()))
    return measure


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace("mb", " MB")


def describe(measure: str) -> str:
    """Return the line above a measure's table."""
    words = in_words(measure)
    return measure if words == measure else f"{measure}: {words}"


def ordered_measures(results: Results) -> list[str]:
    """Return the measures of a run, in the order of the suite."""
    order = [m for scenario in scenarios(quick=False) for m in scenario.measures]
    return sorted(results.measures(), key=lambda m: order.index(m) if m in order else len(order))
