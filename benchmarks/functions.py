"""The one-line handler and real applications side by side, so that nobody takes the one's figures for the other's."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from awslambdaric_lite.bench.confidence import Interval
from awslambdaric_lite.common.tables import Table

from .contenders import BASELINE, MANAGED
from .measures import figure, unit_of
from .results import Results
from .scenarios import FUNCTIONS

_OURS, _OFFICIAL = f"lite{MANAGED}", f"{BASELINE}{MANAGED}"
_BUNDLE, _LAZY = f"lite+bundle{MANAGED}", f"lite+lazy-list{MANAGED}"
_PAGE_CACHE = {"warm": "spawn_to_next", "dropped": "spawn_to_next_dropped"}


def short(interval: Interval) -> str:
    """Return a figure with its interval, with two digits."""
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def function_tables(groups: Sequence[Results]) -> list[Table]:
    """Return the cold starts and the warm invocations of all functions, with those tables that have rows.

    Each group has the results of one Python. Figures of two groups are not compared: each ratio is within its group.
    """
    first = _first(groups, _OFFICIAL, _OURS)
    bundle, lazy = _first(groups, _OFFICIAL, _BUNDLE), _first(groups, _OFFICIAL, _LAZY)
    python = first.python if first else ""
    cold = Table(
        "Cold start of a one-line handler and of real applications",
        [
            "function",
            "page cache",
            f"{BASELINE}, {python}",
            "lite",
            f"lite with a bundle{_where(bundle, python)}",
            f"lite with lazy imports and a list{_where(lazy, python)}",
        ],
        text_columns=2,
    )
    warm = Table(f"Warm invocation, {python}", ["function", BASELINE, "lite", "ratio [95 %]"])
    for name, words in FUNCTIONS.items():
        for state, start in _PAGE_CACHE.items():
            measure = f"{start}_{name}" if (name, state) != ("one_line", "warm") else start
            cells = [_median(first, measure, _OFFICIAL), _compared(first, measure, _OURS)]
            cells += [_compared(bundle, measure, _BUNDLE), _compared(lazy, measure, _LAZY, with_official=True)]
            if set(cells) != {"-"}:
                cold.rows.append([words, state, *cells])
        measure = f"event_to_next_{name}" if name != "one_line" else "event_to_next"
        if first and first.of(_OFFICIAL, measure) and first.of(_OURS, measure):
            both = [_median(first, measure, contender) for contender in (_OFFICIAL, _OURS)]
            warm.rows.append([words, *both, short(first.ratio(_OURS, _OFFICIAL, measure))])
    return [table for table in (cold, warm) if table.rows]


def _first(groups: Sequence[Results], *contenders: str) -> Results | None:
    """Return the first group in which all contenders have samples of a cold start."""
    measures = [f"{start}{suffix}" for start in _PAGE_CACHE.values() for suffix in ("", *(f"_{f}" for f in FUNCTIONS))]
    for group in groups:
        if any(all(group.of(contender, measure) for contender in contenders) for measure in measures):
            return group
    return None


def _where(group: Results | None, python: str) -> str:
    return f", {group.python}" if group and group.python != python else ""


def _median(group: Results | None, measure: str, contender: str) -> str:
    samples = group.of(contender, measure) if group else []
    return figure(measure, median(samples)) if samples else "-"


def _compared(group: Results | None, measure: str, contender: str, *, with_official: bool = False) -> str:
    """Return the ratio to the official client and the median, if asked for with the official client's."""
    ours, theirs = (group.of(name, measure) if group else [] for name in (contender, _OFFICIAL))
    if group is None or not ours or not theirs or not median(theirs):
        return "-"
    unit = unit_of(measure, (median(ours), median(theirs)))
    medians = unit.text(median(ours))
    if with_official:
        medians = f"{unit.scaled(median(ours)):.{unit.digits}f} of {unit.text(median(theirs))}"
    return f"{short(group.ratio(contender, _OFFICIAL, measure))}, {medians}"
