"""Makes HTML from values, and escapes everything from a results file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from awslambdaric_lite.common.tables import Table

from .look import look_of


def text(value: object) -> str:
    """Return a value as text of an element or of a quoted attribute."""
    return escape(str(value))


def table(found: Table, *, caption: bool = True) -> str:
    """Return a table that scrolls by itself where it is wider than the page."""
    kinds = [' class="words"' if column < found.text_columns else "" for column in range(len(found.header))]
    head = "".join(f'<th scope="col"{kind}>{text(name)}</th>' for kind, name in zip(kinds, found.header, strict=True))
    rows = []
    for row in found.rows:
        cells = [f'<th scope="row">{text(row[0])}</th>']
        cells += [f"<td{kind}>{text(cell)}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True)]
        rows.append("<tr>" + "".join(cells) + "</tr>")
    title = f"<caption><span>{text(found.title)}</span></caption>" if caption else ""
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{text(found.title)}"><table>{title}'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def figure(chart: str, name: str, words: str) -> str:
    """Return a chart under its name and a description."""
    more = f" {text(words)}" if words not in ("", name) else ""
    return f"<figure><figcaption><strong>{text(name)}</strong>{more}</figcaption>{chart}</figure>"


def details(summary: str, content: str) -> str:
    """Return a block that the reader can open."""
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def legend(contenders: Sequence[str]) -> str:
    """Return a legend of the contenders' strokes."""
    swatch = '<svg class="chart swatch" viewBox="0 0 28 10" aria-hidden="true"><g class="series {}">{}</g></svg>'
    line = '<path class="line" d="M1 5 h26"/>'
    items = [f"<li>{swatch.format(look_of(name).classes, line)}{text(name)}</li>" for name in contenders]
    return f'<ul class="legend" aria-label="lines">{"".join(items)}</ul>'
