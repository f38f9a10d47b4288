"""Makes charts from samples: selects the figures and the axes of each chart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from statistics import median

from awslambdaric_lite.bench.confidence import percentile

from ..measures import in_words, unit_of
from ..results import Results
from .charts import Bar, Curve, Ticks, bars, curves, histogram, logarithmic_ticks
from .look import in_order, look_of, principal
from .markup import figure, legend

BINS = 80  # at most
# The last bin also counts samples above this share: one stall must not press all others into the first bin.
LAST_BIN = 0.98
SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999)
LABELLED_SHARES = (0.5, 0.9, 0.99, 0.999)  # the others have no room


def median_bars(results: Results, measure: str) -> str:
    """Return the medians of all contenders as bars, the smallest on top."""
    medians = {name: median(results.of(name, measure)) for name in results.contenders(measure)}
    unit = unit_of(measure, list(medians.values()))
    found = [
        Bar(name, unit.scaled(medians[name]), unit.text(medians[name]), look_of(name))
        for name in sorted(medians, key=lambda name: medians[name])
    ]
    title = f"{measure}, medians: " + ", ".join(f"{bar.name} {bar.shown}" for bar in found)
    return figure(bars(title, found, unit.name), measure, in_words(measure))


def histograms(results: Results, measure: str) -> str:
    """Return the distribution of each contender's samples, all in the same bins."""
    contenders = in_order(results.contenders(measure))
    edge = max(percentile(results.of(name, measure), LAST_BIN) for name in contenders)
    unit = unit_of(measure, [edge])
    width = _round_up(unit.scaled(edge) / BINS)
    bins = max(1, math.ceil(unit.scaled(edge) / width))
    edges = [width * number for number in range(bins + 1)]
    found = []
    for name in contenders:
        counts = [0] * bins
        for value in results.of(name, measure):
            counts[min(int(unit.scaled(value) / width), bins - 1)] += 1
        middle = unit.text(median(results.of(name, measure)))
        title = f"{measure} of {name}: {sum(counts)} samples, median {middle}"
        found.append(figure(histogram(title, name, counts, edges, unit.name, look_of(name)), name, middle))
    return f'<div class="small charts">{"".join(found)}</div>'


def percentile_curves(results: Results, measure: str) -> str:
    """Return percentiles of single samples; a line ends where samples are too few."""
    points = {}
    for name in principal(results.contenders(measure)):
        samples = results.of(name, measure)
        shares = [share for share in SHARES if len(samples) * (1 - share) >= 1 - 1e-9]
        points[name] = [(1 / (1 - share), percentile(samples, share)) for share in shares]
    places = [1 / (1 - share) for share in SHARES]
    words = {place: f"{share * 100:g} %" for place, share in zip(places, SHARES, strict=True)}
    labels = [words[place] if share in LABELLED_SHARES else "" for place, share in zip(places, SHARES, strict=True)]
    x = Ticks(places[0], places[-1], places, labels)
    title = f"{measure}, percentiles of {', '.join(points)}"
    return _curves(title, measure, points, x, words.__getitem__, (measure, in_words(measure)))


def size_curves(results: Results, pattern: str, caption: str, shown: Callable[[float], str]) -> str:
    """Return medians over the size in the names of matching measures; "" if fewer than two match."""
    matches = ((re.fullmatch(pattern, measure), measure) for measure in results.measures())
    sizes = {int(found.group(1)): measure for found, measure in sorted(matches, key=_size) if found}
    if len(sizes) < 2:
        return ""
    contenders = dict.fromkeys(name for measure in sizes.values() for name in results.contenders(measure))
    points = {}
    for name in principal(list(contenders)):
        taken = {size: results.of(name, measure) for size, measure in sizes.items()}
        points[name] = [(float(size), median(samples)) for size, samples in taken.items() if samples]
    low, high = min(sizes), max(sizes)
    decades = [10.0**n for n in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    # A few sizes are labelled as they are; of many the decades, and the ends where these are not too close.
    far = [float(end) for end in (low, high) if all(abs(math.log10(end / decade)) > 0.4 for decade in decades)]
    positions = list(map(float, sizes)) if len(sizes) <= 5 else sorted({*decades, *far})
    x = Ticks(low, high, positions, [shown(position) for position in positions])
    return _curves(f"{caption}: {', '.join(points)}", sizes[high], points, x, shown, (caption, ""))


def _size(match: tuple[re.Match[str] | None, str]) -> int:
    return int(match[0].group(1)) if match[0] else 0


def _curves(
    title: str,
    measure: str,
    points: dict[str, list[tuple[float, float]]],
    x: Ticks,
    at: Callable[[float], str],
    caption: tuple[str, str],
) -> str:
    """Return lines with a legend above; `at` describes a position on the x axis."""
    visible = {name: [(place, value) for place, value in line if value > 0] for name, line in points.items()}
    values = [value for line in visible.values() for _, value in line]
    if not values:
        return ""

    def shown(value: float) -> str:
        return unit_of(measure, [value]).text(value)

    def label(value: float) -> str:
        unit = unit_of(measure, [4 * value])  # on an axis 1 ms is shorter than 1000 µs
        return f"{unit.scaled(value):g} {unit.name}"

    found = [
        Curve(name, line, [f"{at(place)}: {shown(value)}" for place, value in line], look_of(name))
        for name, line in visible.items()
    ]
    drawn = curves(title, found, x, logarithmic_ticks(values, label))
    return figure(legend(list(visible)) + drawn, *caption)


def _round_up(width: float) -> float:
    """Return the next width that is easily read: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width)) if width > 0 else 1.0
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= width * (1 - 1e-9))


def in_bytes(size: float) -> str:
    """Return a size in bytes as a label."""
    for name, unit in (("MB", 1e6), ("kB", 1e3)):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:g} B"


def in_megabytes(size: float) -> str:
    """Return a size in MB as a label."""
    return f"{size:g} MB"
