"""The one-line handler and real applications side by side, so that nobody takes the one's figures for the other's."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from awslambdaric_lite.bench.confidence import Interval
from awslambdaric_lite.common.tables import Table

from .contenders import BASELINE, MANAGED
from .measures import figure
from .results import Results
from .scenarios import FUNCTIONS

_OURS, _OFFICIAL = f"lite{MANAGED}", f"{BASELINE}{MANAGED}"
_BUNDLE, _LAZY = f"lite+bundle{MANAGED}", f"lite+lazy-list{MANAGED}"
_STARTS = "spawn_to_next", "spawn_to_next_dropped"


def short(interval: Interval) -> str:
    """Return a figure with its interval, with two digits."""
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def cold_start_table(groups: Sequence[Results]) -> Table:
    """Return the cold starts of all functions, with a warm and with a dropped page cache.

    Each group has the results of one Python. Figures of two groups are not compared: each ratio is within its group.
    """
    sides = [(_OURS, "lite"), (_BUNDLE, "lite, bundle"), (_LAZY, "lite, lazy imports and list")]
    found = [(_first(groups, contender), contender, words) for contender, words in sides]
    base = found[0][0]
    header = [
        f"{BASELINE}{_on(base)}",
        *(words + (_on(group) if group is not base else "") for group, _, words in found),
    ]
    title = "Cold start of a one-line handler and of real applications"
    table = Table(title, ["function", *header, *(f"dropped: {name}" for name in header)])
    for name, words in FUNCTIONS.items():
        cells = []
        for start in _STARTS:
            measure = start if (name, start) == ("one_line", _STARTS[0]) else f"{start}_{name}"
            cells.append(_median(base, measure, _OFFICIAL))
            cells += [_ratio(group, measure, contender) for group, contender, _ in found]
        if set(cells) != {"-"}:
            table.rows.append([words, *cells])
    return table


def invocation_table(groups: Sequence[Results]) -> Table:
    """Return the warm invocations of all functions on the first Python."""
    table = Table(f"Warm invocation{_on(groups[0])}", ["function", BASELINE, "lite", "ratio [95 %]"])
    for name, words in FUNCTIONS.items():
        measure = "event_to_next" if name == "one_line" else f"event_to_next_{name}"
        cells = [*(_median(groups[0], measure, side) for side in (_OFFICIAL, _OURS)), _ratio(groups[0], measure, _OURS)]
        if "-" not in cells:
            table.rows.append([words, *cells])
    return table


def _first(groups: Sequence[Results], contender: str) -> Results | None:
    """Return the first group in which a contender and the official client have samples of a cold start."""
    measures = [*_STARTS, *(f"{start}_{name}" for start in _STARTS for name in FUNCTIONS)]
    for group in groups:
        if any(_ratio(group, measure, contender) != "-" for measure in measures):
            return group
    return None


def _on(group: Results | None) -> str:
    return f", {group.python}" if group else ""


def _median(group: Results | None, measure: str, contender: str) -> str:
    samples = group.of(contender, measure) if group else []
    return figure(measure, median(samples)) if samples else "-"


def _ratio(group: Results | None, measure: str, contender: str) -> str:
    """Return the ratio to the official client with its interval."""
    if group is None or not group.of(contender, measure) or not any(group.of(_OFFICIAL, measure)):
        return "-"
    return short(group.ratio(contender, _OFFICIAL, measure))
