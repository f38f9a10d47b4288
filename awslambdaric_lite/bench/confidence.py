"""Percentiles, and 95 % confidence intervals of ratios and differences of medians, by the bootstrap.

The samples of one run belong together (one process, one layout of its memory), so whole runs are resampled, not single
samples. Where the runs of both sides took turns, the same rounds are drawn for both.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

_QUANTILES = 31  # a longer run is represented by this many of its quantiles while it is resampled


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` (0 to 1) of all do not exceed.

    Raises:
        ValueError: there is no sample.
    """
    if not samples:
        raise ValueError("no samples")
    rank = math.ceil(share * len(samples) - 1e-9)  # the tolerance: 0.07 * 100 is a little more than 7
    return sorted(samples)[min(max(rank, 1), len(samples)) - 1]


def ratio(
    ours: Sequence[float], theirs: Sequence[float], per_run: int = 1, *, interleaved: bool = True, resamples: int = 1000
) -> Interval:
    """Divide the medians of two lists of samples, which consist of runs of `per_run` samples.

    Only where the two were `interleaved`, run by run, their runs are pairs.

    Raises:
        ValueError: a list is empty, or its median is zero where it divides.
    """
    if not ours or not theirs or not median(theirs):
        raise ValueError("no samples to compare")
    return _compare(_divide, ours, theirs, per_run, interleaved, resamples)


def difference(
    ours: Sequence[float], theirs: Sequence[float], per_run: int = 1, *, interleaved: bool = True, resamples: int = 1000
) -> Interval:
    """Subtract the median of the second list from that of the first; the rest as with `ratio`.

    Raises:
        ValueError: a list is empty.
    """
    if not ours or not theirs:
        raise ValueError("no samples to compare")
    return _compare(float.__sub__, ours, theirs, per_run, interleaved, resamples)


def _divide(a: float, b: float) -> float:
    return a / b if b else math.inf  # a resample that divides by zero belongs to the upper end; it is not left out


def _compare(
    figure: Callable[[float, float], float],
    ours: Sequence[float],
    theirs: Sequence[float],
    per_run: int,
    interleaved: bool,
    resamples: int,
) -> Interval:
    a, b = _runs(ours, per_run), _runs(theirs, per_run)
    paired = interleaved and len(a) == len(b)
    chance = random.Random(len(ours))  # the same interval from the same samples
    found = []
    for _ in range(resamples):
        drawn = chance.choices(range(len(a)), k=len(a))
        other = drawn if paired else chance.choices(range(len(b)), k=len(b))
        of_ours, of_theirs = median([v for i in drawn for v in a[i]]), median([v for i in other for v in b[i]])
        found.append(figure(float(of_ours), float(of_theirs)))
    value = figure(float(median(ours)), float(median(theirs)))
    return Interval(value, percentile(found, 0.025), percentile(found, 0.975))


def _runs(samples: Sequence[float], per_run: int) -> list[list[float]]:
    return [_thin(samples[at : at + per_run]) for at in range(0, len(samples), per_run)]


def _thin(run: Sequence[float]) -> list[float]:
    ordered = sorted(run)
    if len(ordered) <= _QUANTILES:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (_QUANTILES - 1))] for i in range(_QUANTILES)]
