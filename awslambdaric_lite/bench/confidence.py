"""Percentiles, and the confidence interval of a ratio by the bootstrap.

A run is one process, with one layout of its memory and one state of the machine, so each run gives one figure, and the
bootstrap resamples runs. Each round has a run of both sides: the same rounds are drawn for both.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_RESAMPLES = 2000
_FEWEST_RUNS = 5  # fewer runs do not show how much runs differ


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians; `low` and `high` bound its 95 % confidence interval, None with fewer than 5 runs."""

    value: float
    low: float | None = None
    high: float | None = None


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` (0 to 1) of all samples do not exceed.

    Raises:
        ValueError: `samples` is empty.
    """
    if not samples:
        raise ValueError("no samples")
    rank = math.ceil(share * len(samples) - 1e-9)  # the tolerance: 0.07 * 100 is a little more than 7
    return sorted(samples)[max(rank, 1) - 1]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Divide the medians of two lists with one figure for each round, in the order of the rounds.

    Raises:
        ValueError: the lists are empty or of different length, or the median that divides is zero.
    """
    if not ours or len(ours) != len(theirs) or not median(theirs):
        raise ValueError("no pairs of figures to divide")
    value = median(ours) / median(theirs)
    if len(ours) < _FEWEST_RUNS:
        return Ratio(value)
    chance = random.Random(len(ours))  # the same interval from the same figures
    quotients = []
    for _ in range(_RESAMPLES):
        rounds = chance.choices(range(len(ours)), k=len(ours))
        divisor = median([theirs[i] for i in rounds])
        # A resample that divides by zero belongs to the upper end; it is not left out.
        quotients.append(median([ours[i] for i in rounds]) / divisor if divisor else math.inf)
    return Ratio(value, percentile(quotients, 0.025), percentile(quotients, 0.975))
