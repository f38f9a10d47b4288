"""Counters that are read each time the runtime sends something: to the first poll, then invocation by invocation."""

from __future__ import annotations

from collections.abc import Sequence

from ..loadgen import RunFailed


def lower_quartile(counts: Sequence[float]) -> float:
    """Return the count that a quarter of all do not exceed.

    An event in two pieces, or a run of the garbage collector, can only add to an invocation; few have less.
    """
    return sorted(counts)[len(counts) // 4]


def cold_and_warm(parts: Sequence[float], invocations: int, warm: int) -> tuple[float, float]:
    """Return the count before the first send, and that of an invocation after the first `warm`.

    `parts` are the counts before each send: the first poll, then one or more sends for each of the invocations, which
    are always as many.

    Raises:
        RunFailed: the number of parts is no multiple of the number of invocations.
    """
    cold, *rest = parts or [0.0]
    sends, remainder = divmod(len(rest), invocations)
    # Where answer and poll are two sends, the poll after the last answer may or may not have come.
    if remainder == invocations - 1:
        sends, rest = sends + 1, [*rest, rest[-1]]
    elif remainder or not sends:
        raise RunFailed(f"{len(parts)} sends for {invocations} invocations")
    each = [sum(rest[at : at + sends]) for at in range(0, len(rest), sends)]
    return cold, lower_quartile(each[warm:])
