"""The chart of a soak run: memory, CPU time and latency, each divided by its median of the second tenth."""

from __future__ import annotations

from statistics import median

from ..page.charts import Curve, lines
from ..page.look import look_of
from ..page.picture import inline_style
from .samples import PARTS, Soak

_DRAWN = {"memory": "lite", "cpu_s": "rust", "latency_s": "go"}  # with the contenders whose colours they have
_NAMES = {"memory": "memory", "cpu_s": "CPU time", "latency_s": "latency"}


def picture(soak: Soak) -> str:
    """Return the chart as an SVG document."""
    total = soak.samples[-1].invocations
    curves = []
    for name, contender in _DRAWN.items():
        whole = median(getattr(sample, name) for sample in soak.samples[PARTS // 10 : PARTS // 5]) or 1
        points = [(sample.invocations, getattr(sample, name) / whole) for sample in soak.samples]
        curves.append(Curve(_NAMES[name], points, [], look_of(contender)))
    heading = f"{total:,} invocations, by the medians of the second tenth"
    return inline_style(lines(f"Growth over {heading}", curves, heading)) + "\n"
