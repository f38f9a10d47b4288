"""Budgets: how they are written, and which figures are within them."""

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
def test_budget_is_read_in_any_spelling_of_its_unit(read: Callable[[str], Budget], text: str, limit: float) -> None:
    """A unit may be in any case, with or without a blank before it, with either micro sign."""
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
def test_other_text_is_refused_with_an_example(read: Callable[[str], Budget], texts: list[str]) -> None:
    """The message quotes the text and has an example of a valid one."""
    for text in texts:
        with pytest.raises(ValueError, match=r"write e\.g\.") as caught:
            read(text)
        assert repr(text) in str(caught.value)


def test_figures_are_shown_in_the_unit_of_their_size() -> None:
    """Times are shown in s, ms or µs; sizes in MB of 1048576 bytes, as on Lambda."""
    time, size = Measure("t", "t"), Measure("m", "m", in_bytes=True)
    assert [time.text(value) for value in (2.5, 0.0456, 0.000123)] == ["2.50 s", "45.6 ms", "123 \u00b5s"]
    assert size.text(10.5 * 1024 * 1024) == "10.5 MB"
    assert (time.unit, size.unit) == ("seconds", "bytes")
