"""Medians, percentiles and bootstrap confidence intervals of ratios.

Samples of one run belong together (one process, one layout in memory), so whole runs are resampled, not single samples;
and as runs of all contenders are interleaved, the same rounds are drawn for both sides of a ratio.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# A long run stands for itself by so many of its quantiles while it is resampled.
_QUANTILES = 31


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` (0 to 1) of all do not exceed."""
    ordered = sorted(samples)
    rank = math.ceil(share * len(ordered) - 1e-9)  # the tolerance: 0.07 * 100 is a little more than 7
    return ordered[min(len(ordered), max(1, rank)) - 1]


@dataclass(frozen=True)
class Ratio:
    """A ratio of two medians and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def ratio(
    ours: Sequence[float], theirs: Sequence[float], per_run: int = 1, *, interleaved: bool = True, resamples: int = 1000
) -> Ratio:
    """Compare the medians of two lists of samples, which consist of runs of `per_run` samples.

    Only where the two were `interleaved`, run by run, their runs are pairs.

    Raises:
        ValueError: a list is empty, or its median is zero where it divides.
    """
    if not ours or not theirs or not median(theirs):
        raise ValueError("no samples to compare")
    a, b = _runs(ours, per_run), _runs(theirs, per_run)
    paired = interleaved and len(a) == len(b)
    chance = random.Random(len(ours))  # the same report from the same samples
    found = []
    for _ in range(resamples):
        drawn = chance.choices(range(len(a)), k=len(a))
        other = drawn if paired else chance.choices(range(len(b)), k=len(b))
        divisor = median([value for i in other for value in b[i]])
        if divisor:
            found.append(median([value for i in drawn for value in a[i]]) / divisor)
    return Ratio(median(ours) / median(theirs), percentile(found, 0.025), percentile(found, 0.975))


def _runs(samples: Sequence[float], per_run: int) -> list[list[float]]:
    return [_thin(samples[at : at + per_run]) for at in range(0, len(samples), per_run)]


def _thin(run: Sequence[float]) -> list[float]:
    ordered = sorted(run)
    if len(ordered) <= _QUANTILES:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (_QUANTILES - 1))] for i in range(_QUANTILES)]
