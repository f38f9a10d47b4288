"""Limits for a function, read from text like `150ms` and compared with medians."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .measures import COLD_START, MEGABYTE, PEAK_MEMORY, WARM, Measure

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-zµμ]+)")  # both of Unicode's micro signs
_TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6}
_SIZES = {"b": 1, "kb": 1024, "mb": MEGABYTE, "gb": 1024 * MEGABYTE, "kib": 1024, "mib": MEGABYTE}


@dataclass(frozen=True)
class Budget:
    """Maximum of a measure, in its unit (seconds or bytes)."""

    measure: Measure
    limit: float

    def met_by(self, value: float) -> bool:
        """Return whether a figure is within the budget."""
        return value <= self.limit


def cold_start_budget(text: str) -> Budget:
    """Return the budget of a cold start, e.g. for `150ms`.

    Raises:
        ValueError: the text is not a time above zero; the message has an example.
    """
    return Budget(COLD_START, _quantity(text, _TIMES, "time", "150ms or 0.2s"))


def warm_budget(text: str) -> Budget:
    """Return the budget of a warm invocation (p50), e.g. for `2ms`.

    Raises:
        ValueError: the text is not a time above zero; the message has an example.
    """
    return Budget(WARM, _quantity(text, _TIMES, "time", "2ms or 500us"))


def memory_budget(text: str) -> Budget:
    """Return the budget of the peak memory, e.g. for `128MB`; a MB has 1048576 bytes, as on Lambda.

    Raises:
        ValueError: the text is not a size above zero; the message has an example.
    """
    return Budget(PEAK_MEMORY, _quantity(text, _SIZES, "size", "128MB"))


def _quantity(text: str, units: dict[str, float] | dict[str, int], what: str, example: str) -> float:
    found = _QUANTITY.fullmatch(text.strip())
    unit = None if found is None else units.get(found[2].lower())
    if found is None or unit is None or not float(found[1]):
        raise ValueError(f"{text!r} is not a {what} with a unit; write e.g. {example}")
    return float(found[1]) * unit
