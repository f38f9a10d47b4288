"""Charts as SVG elements: drawn by pygal, then stripped of its scripts, ids and colours, which `chart.css` replaces.

No script is needed: each mark has a `title`, which browsers show and screen readers read. All charts have the same
width in user units, so that text is legible at the width of a phone and of half a desktop window.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pygal
from pygal.style import Style

from .look import Look

# pygal adds a finder for its map plugins. Python 3.12 has dropped its interface, and 3.10 and 3.11 warn of it at every
# import that fails. No map is drawn here.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

WIDTH = 460  # user units
TEXT = 13  # user units
BAR = 26  # user units from bar to bar
_NAMESPACE = "http://www.w3.org/2000/svg"
_GEOMETRY = {"x", "y", "width", "height", "cx", "cy", "d"}


@dataclass(frozen=True)
class Bar:
    """One bar: its contender, its length in the unit of the axis, and its label."""

    name: str
    value: float
    shown: str
    look: Look


@dataclass(frozen=True)
class Curve:
    """One line: its contender, its points (both coordinates above zero), and a title for each."""

    name: str
    points: Sequence[tuple[float, float]]
    words: Sequence[str]
    look: Look


@dataclass(frozen=True)
class Ticks:
    """A logarithmic axis: its limits, and its labels by position in ascending order."""

    low: float
    high: float
    positions: Sequence[float]
    labels: Sequence[str]


def bars(title: str, found: Sequence[Bar], unit: str, heading: str = "") -> str:
    """Return horizontal bars, the first one on top; `title` describes them to screen readers."""
    longest = max(bar.value for bar in found)
    chart = pygal.HorizontalBar(
        **_common(BAR * len(found) + (64 if heading else 40)),
        title=heading or None,
        x_labels=[bar.name for bar in reversed(found)],
        value_formatter=lambda value: f"{value:g} {unit}".rstrip(),
        show_y_guides=True,
        max_scale=4,
        range=(0, longest * 1.25 or 1),  # leaves room for the label of the longest bar
    )
    chart.add(None, [bar.value for bar in reversed(found)])
    root = _drawn(chart, title)
    for mark, bar in zip(_marks(root, "bar"), reversed(found), strict=True):
        _dress(mark, bar.look, f"{bar.name}: {bar.shown}")
        rectangle = next(element for element in mark if element.tag == "rect")
        # pygal leaves out what is zero.
        left, top, width, height = (float(rectangle.get(name, 0)) for name in ("x", "y", "width", "height"))
        end, middle = left + width + 5, top + height / 2 + TEXT * 0.35
        figure = ElementTree.SubElement(mark, "text", {"class": "value", "x": str(end), "y": str(middle)})
        figure.text = bar.shown
    return _serialised(root)


def histogram(title: str, name: str, counts: Sequence[int], edges: Sequence[float], unit: str, look: Look) -> str:
    """Return a histogram with these edges; `title` describes it to screen readers, `name` is shown."""
    chart = pygal.Histogram(
        **_common(120),
        show_y_labels=False,
        range=(0, max([*counts, 1])),
        x_value_formatter=lambda value: f"{value:g} {unit}",
        max_scale=6,
    )
    # Bins of no height stay: they keep the axis the same for all contenders.
    points = [(count, low, high) for count, low, high in zip(counts, edges, edges[1:], strict=False)]
    chart.add(name, points)
    root = _drawn(chart, title)
    for mark, (count, low, high) in zip(_marks(root, "histbar"), points, strict=True):
        if count:
            _dress(mark, look, f"{name}, {low:.3g} to {high:.3g} {unit}: {count}")
        else:
            mark.clear()
    return _serialised(root)


def curves(title: str, found: Sequence[Curve], x: Ticks, y: Ticks) -> str:
    """Return lines over two logarithmic axes."""
    chart = pygal.XY(
        **_common(300),
        logarithmic=True,
        x_labels=[{"value": p, "label": label} for p, label in zip(x.positions, x.labels, strict=True)],
        y_labels=[{"value": p, "label": label} for p, label in zip(y.positions, y.labels, strict=True)],
        xrange=(x.low, x.high),
        range=(y.low, y.high),
        show_x_guides=True,
        show_y_guides=True,
        dots_size=3,
    )
    root, groups = _drawn_curves(chart, title, found)
    for curve, group in groups:
        for dot, words in zip(_marks(group, "dots"), curve.words, strict=False):
            _dress(dot, None, f"{curve.name}, {words}")
    return _serialised(root)


def lines(title: str, found: Sequence[Curve], heading: str) -> str:
    """Return lines over two ordinary axes that begin at zero; names in their colours stand at the right."""
    chart = pygal.XY(
        **{**_common(240), "margin_right": 90},
        title=heading,
        range=(0, max(y for curve in found for _, y in curve.points) * 1.1),
        x_value_formatter=lambda value: f"{value:,.0f}",
        value_formatter=lambda value: f"{value:g}",
        show_y_guides=True,
        max_scale=6,
        x_labels_major_count=3,
        show_minor_x_labels=False,
        dots_size=1,
    )
    root, groups = _drawn_curves(chart, title, found)
    named: list[str] = []
    for curve, group in groups:
        dots = list(group.iter("circle"))
        if dots and curve.name not in named:
            named.append(curve.name)
            place = {"x": str(float(dots[-1].get("cx", 0)) + 6), "y": str(TEXT * 1.5 * len(named))}
            name = ElementTree.SubElement(group, "text", {"class": "value", **place})
            name.set("style", "fill: var(--own)")
            name.text = curve.name
    return _serialised(root)


def _drawn_curves(
    chart: Any, title: str, found: Sequence[Curve]
) -> tuple[ElementTree.Element, list[tuple[Curve, ElementTree.Element]]]:
    """Return the drawing of a chart with curves, and the groups of marks of each."""
    for curve in found:
        chart.add(curve.name, list(curve.points))
    root = _drawn(chart, title)
    groups = [(curve, group) for number, curve in enumerate(found) for group in _marks(root, f"serie-{number}")]
    for curve, group in groups:
        _dress(group, curve.look)
    return root, groups


def logarithmic_ticks(values: Sequence[float], label: Callable[[float], str]) -> Ticks:
    """Return an axis around the values, all above zero, with round labels: about three to eight of them."""
    low, high = min(values) * 0.85, max(values) * 1.15
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    positions: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        positions = [factor * 10.0**n for n in exponents for factor in factors if low < factor * 10.0**n < high]
        if len(positions) >= 4:
            break
    return Ticks(low, high, positions, [label(position) for position in positions])


def _common(height: int) -> dict[str, Any]:
    # The sizes are what pygal leaves room for; `chart.css` gives the text these.
    sizes = dict.fromkeys(("label", "major_label", "value", "title"), TEXT)
    style = Style(font_family="sans-serif", **{f"{name}_font_size": size for name, size in sizes.items()})
    return {
        "width": WIDTH, "height": height, "style": style, "css": (), "js": (), "show_legend": False,
        "margin": 6, "margin_left": 18, "margin_right": 32, "spacing": 6,
        "truncate_label": -1, "disable_xml_declaration": True,
    }  # fmt: skip


def _drawn(chart: Any, title: str) -> ElementTree.Element:
    """Return the drawing without the parts for pygal's script and stylesheet, and without random ids."""
    root = ElementTree.fromstring(chart.render(is_unicode=True))
    for parent in root.iter():
        parent.tag = parent.tag.removeprefix(f"{{{_NAMESPACE}}}")
        for child in list(parent):
            tag = child.tag.removeprefix(f"{{{_NAMESPACE}}}")
            if tag in ("defs", "desc", "title") or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
    words = ElementTree.Element("title")
    words.text = title
    root.insert(0, words)
    root.attrib = {
        "class": "chart", "viewBox": root.attrib["viewBox"], "role": "img", "aria-label": title, "xmlns": _NAMESPACE
    }  # fmt: skip
    return root


def _marks(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def _dress(element: ElementTree.Element, look: Look | None, words: str = "") -> None:
    if look:
        element.set("class", f"{element.get('class', '')} {look.classes}")
    if words:
        title = ElementTree.Element("title")
        title.text = words
        element.insert(0, title)


def _serialised(root: ElementTree.Element) -> str:
    for element in root.iter():
        for name in _GEOMETRY & element.attrib.keys():
            # A tenth of a unit is finer than a pixel.
            element.set(name, re.sub(r"(\d+\.\d)\d+", r"\1", element.attrib[name]))
    return ElementTree.tostring(root, encoding="unicode")
