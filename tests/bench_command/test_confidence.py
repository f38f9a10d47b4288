"""Percentiles and confidence intervals, tried on samples of known distributions."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awslambdaric_lite.bench.confidence import Interval, difference, percentile, ratio

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


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1), (0.5, 50), (0.07, 7), (0.9, 90), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)]
)
def test_percentile_is_smallest_sufficient_sample(share: float, expected: int) -> None:
    """A percentile is the smallest sample that the share does not exceed, whatever the order of the samples."""
    samples = list(range(1, 101))
    random.Random(1).shuffle(samples)
    assert percentile(samples, share) == expected
    assert percentile([3.0], share) == 3.0


@given(st.lists(st.floats(1e-6, 1e6), min_size=1), st.floats(0, 1))
def test_share_lies_below_percentile(samples: list[float], share: float) -> None:
    """A percentile is one of the samples, and at least the share of them does not exceed it."""
    found = percentile(samples, share)
    assert found in samples
    assert sum(value <= found for value in samples) >= share * len(samples) - 1e-6


def test_interval_covers_true_ratio() -> None:
    """About 95 of 100 intervals contain the true ratio, with independent samples and with whole runs."""
    assert 0.90 <= coverage(independent) <= 0.99
    assert 0.88 <= coverage(clustered, per_run=10) <= 0.99


def test_resampling_single_samples_underestimates() -> None:
    """Intervals from resampled samples instead of runs are far too narrow, which is why runs are resampled."""
    assert coverage(clustered, per_run=1) < 0.75


def test_runs_are_resampled_whole() -> None:
    """Two processes that differ are two samples, however many invocations each has served."""
    found = ratio([1.0] * 100 + [3.0] * 100, [1.0] * 200, per_run=100)
    assert (found.low, found.high) == (1.0, 3.0)


def test_pairs_remove_drift_of_machine() -> None:
    """The interval of interleaved runs does not grow when the machine slows both sides alike."""
    ours, theirs = drifting(random.Random(1))
    paired, apart = (ratio(ours, theirs, interleaved=way) for way in (True, False))
    assert paired.low <= TRUE_RATIO <= paired.high
    assert paired.high - paired.low < (apart.high - apart.low) / 2


def test_constant_ratio_has_no_width() -> None:
    """The interval of a ratio that is the same in every round has no width."""
    theirs = [1.0, 9.0, 2.0, 7.0, 3.0]
    assert ratio([0.5 * figure for figure in theirs], theirs) == Interval(0.5, 0.5, 0.5)


def test_scatter_widens_interval() -> None:
    """More scatter makes a wider interval, which contains the ratio and is the same each time."""
    chance = random.Random(7)
    theirs = [10 + chance.gauss(0, 0.1) for _ in range(30)]
    calm = ratio([5 + chance.gauss(0, 0.05) for _ in range(30)], theirs)
    scattered = [5 + chance.gauss(0, 2) for _ in range(30)]
    wild = ratio(scattered, theirs)
    assert calm.low <= calm.value <= calm.high and wild.low <= wild.value <= wild.high
    assert calm.low < 0.5 < calm.high
    assert wild.high - wild.low > 5 * (calm.high - calm.low)
    assert ratio(scattered, theirs) == wild


def test_difference_of_medians() -> None:
    """A difference is in the unit of the samples, and may be below zero."""
    ours, theirs = [1.0, 2.0, 3.0], [5.0, 6.0, 7.0]
    found = difference(ours, theirs)
    assert found.value == -4.0 and found.low <= -4.0 <= found.high


@pytest.mark.parametrize("ours", [[1.0] * 5, [2.0] * 5])
@pytest.mark.parametrize("theirs", [[1.0, 0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0, 1.0]])
def test_zero_in_resample_counts_as_infinite(ours: list[float], theirs: list[float]) -> None:
    """A resample that divides by zero is not left out, which would make the interval too narrow."""
    assert ratio(ours, theirs).high == float("inf")


positive = st.floats(1e-6, 1e6)


@settings(deadline=None, max_examples=60)
@given(st.lists(positive, min_size=1, max_size=12), st.lists(positive, min_size=1, max_size=12), st.integers(1, 5))
def test_interval_lies_within_samples(ours: list[float], theirs: list[float], per_run: int) -> None:
    """The bounds are in order and within the quotients of the samples; another unit changes nothing."""
    found = ratio(ours, theirs, per_run, resamples=50)
    assert found.value == median(ours) / median(theirs)
    assert min(ours) / max(theirs) <= found.low <= found.high <= max(ours) / min(theirs)
    doubled = ratio([2 * value for value in ours], [2 * value for value in theirs], per_run, resamples=50)
    assert doubled == found


def test_missing_samples_are_refused() -> None:
    """Without samples there is no percentile, no ratio and no difference, and nothing is divided by a median of 0."""
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)
    for ours, theirs in (([], []), ([], [1.0]), ([1.0], []), ([1.0], [0.0])):
        with pytest.raises(ValueError, match="no samples"):
            ratio(ours, theirs)
    with pytest.raises(ValueError, match="no samples"):
        difference([], [1.0])


def test_interval_is_written_with_three_digits() -> None:
    """An interval as text has three digits after the point, which are enough for a ratio."""
    assert str(Interval(0.36401, 0.3552, 0.3777)) == "0.364 [0.355, 0.378]"
