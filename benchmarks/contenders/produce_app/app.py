"""Results of any size, each made once, so that an invocation measures the client alone."""

from __future__ import annotations

from typing import Any

RECORD = {"price": 1234.5678, "name": "example", "tags": ["a", "b", "c"], "new": True, "parent": None}
LENGTH = 96  # bytes of a record with its comma

_made: dict[int, Any] = {}


def produce(event: dict[str, int], context: object) -> Any:
    """Return a value that is `size` bytes of compact JSON."""
    size = event["size"]
    if size not in _made:
        count = max(0, (size - 26) // LENGTH)
        records = [{"id": 1_000_000 + i, **RECORD} for i in range(count)]
        filler = "x" * (size - 26 - count * LENGTH + (1 if count else 0))
        _made[size] = {"records": records, "filler": filler}
    return _made[size]
