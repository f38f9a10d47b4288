"""Whether the intervals are what they say: tried on samples of known distributions."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stats import Interval, difference, percentile, ratio

Pair = tuple[list[float], list[float]]
TRUE_RATIO = 1 / 3


def coverage(make: Callable[[random.Random], Pair], per_run: int = 1, *, interleaved: bool = True) -> float:
    """Return in which share of 200 experiments the interval contains the ratio that the samples are drawn from."""
    hits = 0
    for seed in range(200):
        ours, theirs = make(random.Random(seed))
        found = ratio(ours, theirs, per_run, interleaved=interleaved, resamples=200)
        hits += found.low <= TRUE_RATIO <= found.high
    return hits / 200


def independent(chance: random.Random) -> Pair:
    """Return 20 runs of one sample for each side."""
    return [chance.lognormvariate(0, 0.2) for _ in range(20)], [3 * chance.lognormvariate(0, 0.2) for _ in range(20)]


def clustered(chance: random.Random) -> Pair:
    """Return 12 runs of ten samples: processes differ more from each other than a process's samples do."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(12):
        for samples, scale in ((ours, 1.0), (theirs, 3.0)):
            middle = scale * chance.lognormvariate(0, 0.1)
            samples += [middle * chance.lognormvariate(0, 0.03) for _ in range(10)]
    return ours, theirs


def drifting(chance: random.Random) -> Pair:
    """Return 20 interleaved runs on a machine that becomes slower and faster, for both sides alike."""
    machine = [chance.lognormvariate(0, 0.3) for _ in range(20)]
    ours, theirs = ([s * m * chance.lognormvariate(0, 0.02) for m in machine] for s in (1.0, 3.0))
    return ours, theirs


def test_interval_covers_the_true_ratio() -> None:
    """About 95 of 100 intervals contain it: of independent samples and of runs that belong together."""
    assert 0.90 <= coverage(independent) <= 0.99
    assert 0.88 <= coverage(clustered, per_run=10) <= 0.99


def test_single_samples_of_runs_would_pretend_to_know_more() -> None:
    """Resampling samples instead of runs gives intervals that are far too narrow: why runs are resampled."""
    assert coverage(clustered, per_run=1) < 0.75


def test_pairs_take_the_drift_of_the_machine_away() -> None:
    """What slows both sides alike is no uncertainty of their ratio where the runs are interleaved."""
    ours, theirs = drifting(random.Random(1))
    paired, apart = (ratio(ours, theirs, interleaved=way) for way in (True, False))
    assert paired.low <= TRUE_RATIO <= paired.high
    assert paired.high - paired.low < (apart.high - apart.low) / 2


def test_difference_of_medians() -> None:
    """A difference is in the unit of the samples, and may be below zero."""
    ours, theirs = [1.0, 2.0, 3.0], [5.0, 6.0, 7.0]
    found = difference(ours, theirs)
    assert found.value == -4.0 and found.low <= -4.0 <= found.high
    with pytest.raises(ValueError, match="no samples"):
        difference([], theirs)


def test_a_median_of_zero_in_a_resample_is_endless_not_forgotten() -> None:
    """Leaving such resamples out would shift the interval to the other side."""
    assert ratio([1.0] * 5, [0.0, 0.0, 1.0, 1.0, 1.0]).high == float("inf")


positive = st.floats(1e-6, 1e6)


@settings(deadline=None, max_examples=60)
@given(st.lists(positive, min_size=1, max_size=12), st.lists(positive, min_size=1, max_size=12), st.integers(1, 5))
def test_properties(ours: list[float], theirs: list[float], per_run: int) -> None:
    """The interval is in order and inside what the samples allow; a unit changes nothing."""
    found = ratio(ours, theirs, per_run, resamples=50)
    assert found.value == median(ours) / median(theirs)
    assert min(ours) / max(theirs) <= found.low <= found.high <= max(ours) / min(theirs)
    doubled = ratio([2 * value for value in ours], [2 * value for value in theirs], per_run, resamples=50)
    assert doubled == found


@given(st.lists(positive, min_size=1), st.floats(0, 1))
def test_percentile_is_a_sample_in_its_place(samples: list[float], share: float) -> None:
    """At least the share of samples is not above it, and it is one of them."""
    found = percentile(samples, share)
    assert found in samples
    assert sum(value <= found for value in samples) >= share * len(samples) - 1e-6


def test_interval_in_words() -> None:
    """Three digits are enough for a ratio."""
    assert str(Interval(0.36401, 0.3552, 0.3777)) == "0.364 [0.355, 0.378]"
