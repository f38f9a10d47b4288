"""The headline of a run: this runtime and the official client in the most important measures, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from awslambdaric_lite.bench.confidence import Interval

from .contenders import BASELINE, MANAGED
from .results import Results

HEADLINES = {
    "spawn_to_next": "Cold start",
    "event_to_next": "Warm invocation",
    "cpu_first": "First invocation (CPU)",
    "memory_at_next": "Memory at first poll",
}
CONFIGURATIONS = {"managed runtime": MANAGED, "custom runtime": ""}


@dataclass(frozen=True)
class Gain:
    """One measure of this runtime and of the official client.

    Attributes:
        ours: the median of this runtime in seconds or bytes.
        theirs: the median of the official client.
        times: theirs divided by ours.
    """

    measure: str
    configuration: str
    ours: float
    theirs: float
    times: Interval


def gains(results: Results, measure: str) -> list[Gain]:
    """Compare the two clients in one measure, in each configuration in which both were measured."""
    found = []
    for words, suffix in CONFIGURATIONS.items():
        ours, theirs = results.of("lite" + suffix, measure), results.of(BASELINE + suffix, measure)
        if ours and theirs and median(ours):
            times = results.ratio(BASELINE + suffix, "lite" + suffix, measure)
            found.append(Gain(measure, words, median(ours), median(theirs), times))
    return found
