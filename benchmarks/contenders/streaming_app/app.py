"""A stream of one size, in chunks of another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def stream(event: dict[str, int], context: Any) -> Iterator[bytes]:
    """Yield `total` bytes, `chunk` at a time."""
    piece = b"x" * event["chunk"]
    for _ in range(event["total"] // event["chunk"]):
        yield piece
