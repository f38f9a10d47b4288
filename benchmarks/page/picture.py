"""The chart for the README: one SVG file that follows the reader's light or dark mode by itself."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from ..contenders import BASELINE
from ..measures import unit_of
from ..results import Results
from .charts import Bar, bars
from .look import look_of, principal

MEASURE = "spawn_to_next"
PICTURE_WIDTH = 640  # pixels, where the page that shows it sets none


def cold_start_picture(results: Results) -> str:
    """Return the medians of the cold start as an SVG document; the same bytes for the same results.

    Raises:
        SystemExit: ours or the official client's was not measured.
    """
    contenders = results.contenders(MEASURE)
    if "lite" not in contenders or BASELINE not in contenders:
        raise SystemExit(f"benchmarks: the chart needs {MEASURE} of lite and {BASELINE}, which this run has not")
    medians = {name: median(results.of(name, MEASURE)) for name in principal(contenders)}
    unit = unit_of(MEASURE, list(medians.values()))
    found = [
        Bar(name, unit.scaled(medians[name]), unit.text(medians[name]), look_of(name))
        for name in sorted(medians, key=lambda name: medians[name])
    ]
    python = results.machine.get("python", "")
    figures = ", ".join(f"{bar.name} {bar.shown}" for bar in found)
    title = f"Cold start, process spawn to first poll, medians on {python}: {figures}"
    return inline_style(bars(title, found, unit.name, "Cold start: process spawn to first poll, medians")) + "\n"


def inline_style(drawing: str) -> str:
    """Return a chart as a standalone document, with its stylesheet."""
    opening, end, rest = drawing.partition(">")
    return f'{opening} width="{PICTURE_WIDTH}"{end}<style>{stylesheet("chart.css")}</style>{rest}'


def stylesheet(name: str) -> str:
    """Return one of the stylesheets in this folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").strip()
