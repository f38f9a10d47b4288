"""Budgets: how they are written, and what keeps them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from awslambdaric_lite.bench.budgets import Budget, cold_start_budget, memory_budget, warm_budget
from awslambdaric_lite.bench.measures import MEASURES, Measure


@pytest.mark.parametrize(
    ("read", "text", "limit"),
    [
        (cold_start_budget, "150ms", 0.15),
        (cold_start_budget, "1.5 s", 1.5),
        (cold_start_budget, ".2S", 0.2),
        (warm_budget, "500us", 500e-6),
        (warm_budget, "500\u00b5s", 500e-6),
        (warm_budget, "500\u03bcs", 500e-6),
        (memory_budget, "128MB", 128 * 1024 * 1024),
        (memory_budget, "128 mib", 128 * 1024 * 1024),
        (memory_budget, "1gb", 1024 * 1024 * 1024),
    ],
)
def test_a_quantity_has_a_unit(read: Callable[[str], Budget], text: str, limit: float) -> None:
    """Both micro signs, any case, with or without a blank."""
    budget = read(text)
    assert budget.limit == pytest.approx(limit)
    assert budget.measure in MEASURES
    assert budget.met_by(budget.limit) and not budget.met_by(budget.limit * 1.001)


@pytest.mark.parametrize(
    ("read", "texts"),
    [
        (cold_start_budget, ["150", "ms", "", "-1ms", "1e3ms", "5MB", "0ms", "1..5s", "1 ms 2"]),
        (memory_budget, ["128", "128ms", "MB", "0MB", "1e3MB"]),
    ],
)
def test_anything_else_is_refused_with_an_example(read: Callable[[str], Budget], texts: list[str]) -> None:
    """The message has what was written, and how to write it."""
    for text in texts:
        with pytest.raises(ValueError, match="write it such as") as caught:
            read(text)
        assert repr(text) in str(caught.value)


def test_figures_have_the_unit_that_suits_them() -> None:
    """Seconds, milliseconds, microseconds; megabytes as Lambda counts them."""
    time, size = Measure("t", "t"), Measure("m", "m", in_bytes=True)
    assert [time.text(value) for value in (2.5, 0.0456, 0.000123)] == ["2.50 s", "45.6 ms", "123 \u00b5s"]
    assert size.text(10.5 * 1024 * 1024) == "10.5 MB"
    assert (time.unit, size.unit) == ("seconds", "bytes")
