"""One kind of table for all outputs: rich on a terminal where it is installed, else plain text; Markdown for files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Table:
    """A title, a header and rows; the first column is text, the rest are figures."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    text_columns: int = 1

    def plain(self) -> str:
        """Return aligned text."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]

        def line(cells: list[str]) -> str:
            columns = enumerate(zip(cells, widths, strict=True))
            aligned = (cell.ljust(w) if i < self.text_columns else cell.rjust(w) for i, (cell, w) in columns)
            return "  ".join(aligned).rstrip()

        return "\n".join([self.title, line(self.header), line(["-" * w for w in widths]), *map(line, self.rows)])

    def markdown(self) -> str:
        """Return a Markdown table under its title."""
        rule = [":--" if i < self.text_columns else "--:" for i in range(len(self.header))]
        rows = [self.header, rule, *([cell.replace("|", "\\|") for cell in row] for row in self.rows)]
        return "\n".join([f"**{self.title}**", "", *("| " + " | ".join(row) + " |" for row in rows)])


def show(tables: list[Table], *, markdown: bool = False) -> None:
    """Print tables."""
    if markdown:
        print("\n\n".join(table.markdown() for table in tables))
        return
    try:
        from rich.console import Console
        from rich.table import Table as RichTable
    except ImportError:
        print("\n\n".join(table.plain() for table in tables))
        return
    console = Console()
    if not console.is_terminal:  # a pipe gets lines that are neither wrapped nor framed
        print("\n\n".join(table.plain() for table in tables))
        return
    for table in tables:
        rich_table = RichTable(title=table.title, title_justify="left", header_style="bold")
        for i, name in enumerate(table.header):
            rich_table.add_column(name, justify="left" if i < table.text_columns else "right")
        for row in table.rows:
            rich_table.add_row(*row)
        console.print(rich_table)


MARKS = ("<!-- figures: begin -->", "<!-- figures: end -->")


def put_between_marks(path: Path, text: str) -> None:
    """Replace what stands between the marks of a file.

    Raises:
        SystemExit: it has no marks.
    """
    before, begin, rest = path.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise SystemExit(f"benchmarks: {path} has no lines {MARKS[0]} and {MARKS[1]} to put the figures between")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
