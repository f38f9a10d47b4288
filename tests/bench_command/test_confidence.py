"""Percentiles, ratios and their confidence intervals."""

from __future__ import annotations

import random

import pytest

from awslambdaric_lite.bench.confidence import Ratio, percentile, ratio


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1), (0.5, 50), (0.07, 7), (0.9, 90), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)]
)
def test_a_percentile_is_the_smallest_sample_that_the_share_does_not_exceed(share: float, expected: int) -> None:
    """A percentile is the sample of the nearest rank, in whatever order the samples are."""
    samples = list(range(1, 101))
    random.Random(1).shuffle(samples)
    assert percentile(samples, share) == expected


def test_percentile_without_samples_is_refused() -> None:
    """An empty list has no percentile."""
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_a_constant_ratio_has_an_interval_without_width() -> None:
    """Rounds are drawn for both sides together, so that the noise of a round cancels out."""
    theirs = [1.0, 9.0, 2.0, 7.0, 3.0]
    found = ratio([0.5 * figure for figure in theirs], theirs)
    assert found == Ratio(0.5, 0.5, 0.5)


def test_an_interval_contains_the_ratio_and_grows_with_the_noise() -> None:
    """The interval contains the ratio, is wider for noisier figures, and is the same for the same figures."""
    chance = random.Random(7)
    theirs = [10 + chance.gauss(0, 0.1) for _ in range(30)]
    calm = ratio([5 + chance.gauss(0, 0.05) for _ in range(30)], theirs)
    wild_figures = [5 + chance.gauss(0, 2) for _ in range(30)]
    wild = ratio(wild_figures, theirs)
    for found in (calm, wild):
        assert found.low is not None and found.high is not None
        assert found.low <= found.value <= found.high
    assert calm.low is not None and calm.high is not None and wild.low is not None and wild.high is not None
    assert calm.high - calm.low < wild.high - wild.low
    assert calm.low < 0.5 < calm.high
    assert ratio(wild_figures, theirs) == wild


def test_few_rounds_have_a_ratio_and_no_interval() -> None:
    """A ratio of less than five rounds has no interval."""
    assert ratio([1.0] * 4, [2.0] * 4) == Ratio(0.5, None, None)
    assert ratio([1.0] * 5, [2.0] * 5).low is not None


def test_a_resample_that_divides_by_zero_counts_as_infinite() -> None:
    """A resample that divides by zero is infinite; without it the interval would be too narrow."""
    assert ratio([1.0] * 5, [1.0, 0.0, 1.0, 0.0, 1.0]).high == float("inf")


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0])])
def test_figures_that_cannot_be_divided_are_refused(ours: list[float], theirs: list[float]) -> None:
    """Empty lists, lists of different length and a median of zero are refused."""
    with pytest.raises(ValueError, match="no pairs"):
        ratio(ours, theirs)
