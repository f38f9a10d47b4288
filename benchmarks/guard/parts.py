"""Splits counters that were read before each send of the runtime: to the first poll, then by invocation."""

from __future__ import annotations

from collections.abc import Sequence

from ..loadgen import RunFailed


def lower_quartile(counts: Sequence[float]) -> float:
    """Return the count that a quarter of all do not exceed.

    An event in two pieces, or a run of the garbage collector, only adds to an invocation; few have less.
    """
    return sorted(counts)[len(counts) // 4]


def cold_and_warm(parts: Sequence[float], invocations: int, warm: int) -> tuple[float, float]:
    """Return the count before the first send, and that of an invocation after the first `warm`.

    `parts` are the counts before each send: the first poll, then the same number of sends for each invocation.

    Raises:
        RunFailed: the number of parts is not a multiple of the number of invocations.
    """
    cold, *rest = parts or [0.0]
    sends, remainder = divmod(len(rest), invocations)
    # If response and poll are two sends, the poll after the last response may be missing.
    if remainder == invocations - 1:
        sends, rest = sends + 1, [*rest, rest[-1]]
    elif remainder or not sends:
        raise RunFailed(f"{len(parts)} sends for {invocations} invocations")
    each = [sum(rest[at : at + sends]) for at in range(0, len(rest), sends)]
    return cold, lower_quartile(each[warm:])
