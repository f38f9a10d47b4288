"""The tables of reports: drawn by rich for people, as Markdown in files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from awslambdaric_lite.common.tables import Printer, Table, require_rich


def show(tables: Iterable[Table], *, markdown: bool = False) -> None:
    """Print tables."""
    if markdown:
        print("\n\n".join(map(to_markdown, tables)))
        return
    check_drawing()
    printer = Printer(sys.stdout)
    for table in tables:
        printer.table(table)


def check_drawing() -> None:
    """Check that tables can be drawn, before the measurement that they show.

    Raises:
        SystemExit: rich is not installed; the message names the extra.
    """
    try:
        require_rich()
    except ModuleNotFoundError as error:
        raise SystemExit(f"benchmarks: {error}") from error


def to_markdown(table: Table) -> str:
    """Return a Markdown table under its title."""
    rule = [":--" if column < table.text_columns else "--:" for column in range(len(table.header))]
    rows = [table.header, rule, *([cell.replace("|", "\\|") for cell in row] for row in table.rows)]
    return "\n".join([f"**{table.title}**", "", *("| " + " | ".join(row) + " |" for row in rows)])


MARKS = ("<!-- figures: begin -->", "<!-- figures: end -->")


def put_between_marks(path: Path, text: str) -> None:
    """Replace the text between the marks of a file.

    Raises:
        SystemExit: the file has no marks.
    """
    before, begin, rest = path.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise SystemExit(f"benchmarks: {path} has no lines {MARKS[0]} and {MARKS[1]}; add them around the figures")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
