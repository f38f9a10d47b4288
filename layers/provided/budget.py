"""The limits for sizes of layers: `layers/budget.json`, in bytes. A layer above its budget is reported, not refused."""

from __future__ import annotations

import json
from pathlib import Path

from awslambdaric_lite.common.words import format_size

BUDGET = Path(__file__).parents[1] / "budget.json"


def check_size(kind: str, variant: str, sizes: dict[str, int]) -> list[str]:
    """Return a line for each size that has a budget, e.g. `zipped: 13.9 MB of 15.0 MB`.

    `sizes` has the bytes of `zipped` and `unpacked`.

    Raises:
        KeyError: the file has no such kind or variant of a layer.
    """
    budget: dict[str, int] = json.loads(BUDGET.read_text(encoding="utf-8"))[kind][variant]
    return [
        f"{name}: {format_size(sizes[name])} of {format_size(most)}"
        + (", ABOVE the budget" if sizes[name] > most else "")
        for name, most in budget.items()
        if name in sizes
    ]
