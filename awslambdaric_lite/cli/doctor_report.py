"""An audit for people: tables on a terminal, the same in plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ..common.words import count, escape_controls, format_size
from ..packaging.audit.findings import LEVELS
from ..packaging.audit.run import Audit
from ..packaging.flame import milliseconds
from ..packaging.import_tree import Imported
from ..packaging.sizes import UNPACKED_LIMIT
from ..packaging.targets import Target
from .lines import terminal

_HEAVIEST = 8  # rows
_SHARE = 0.02  # of the time: what is less is left out
_DEPTH, _ROWS = 6, 24  # of the import tree
_NOUNS = ("error", "warning", "note")  # for each of the levels
_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def show(result: Audit, path: Path, target: Target, stream: TextIO) -> None:
    """Write everything that was found."""
    writer = _Plain(stream) if terminal(stream) is None else _Rich(stream)
    packed = "" if result.packed_size is None else f" ({format_size(result.packed_size)} packed)"
    kind = "layer" if result.is_layer else "function"
    writer.line(
        f"{escape_controls(str(path))}: {kind}, {format_size(result.unpacked_size)} of {format_size(UNPACKED_LIMIT)}"
        f"{packed}, for Python {target.python} on {target.arch}"
    )
    if result.weights:
        rows = [
            (format_size(weight.size), f"{100 * weight.share:.0f} %", str(weight.files), escape_controls(weight.path))
            for weight in result.weights[:_HEAVIEST]
        ]
        writer.table("Size", (">size", ">share", ">files", "package"), rows)
    if result.tree is not None:
        writer.table("Imports", (">total", ">itself", "module"), list(_rows(result.tree)))
    if result.findings:
        findings = [(each.level, each.code, each.path, each.message) for each in result.findings]
        writer.table("Findings", ("level", "code", "path", "what"), findings)
    numbers = [sum(each.level == level for each in result.findings) for level in LEVELS]
    writer.line(", ".join(count(number, noun) for number, noun in zip(numbers, _NOUNS, strict=True)))


def _rows(tree: Imported) -> Iterator[tuple[str, str, str]]:
    """The branches that take the time, each below what imported it."""
    least = tree.total_us * _SHARE
    waiting = [(tree, 0)]
    shown = 0
    while waiting and shown < _ROWS:
        module, depth = waiting.pop()
        yield milliseconds(module.total_us), milliseconds(module.self_us), "  " * depth + escape_controls(module.name)
        shown += 1
        if depth < _DEPTH:
            below = [child for child in module.children if child.total_us >= least]
            waiting += [(child, depth + 1) for child in sorted(below, key=lambda child: child.total_us)]


class _Plain:
    """Columns of text. The last one has no end, so that lines can be searched."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str) -> None:
        # Whatever the encoding of the stream, a name cannot keep the rest from being shown.
        encoding = self._stream.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=self._stream)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        self.line(f"\n{title}")
        for row in rows:
            cells = [
                cell.rjust(width) if column.startswith(">") else cell.ljust(width)
                for cell, column, width in zip(row, columns, widths, strict=True)
            ]
            self.line(("  " + "  ".join(cells)).rstrip())
        if title == "Findings":
            self.line("")


class _Rich(_Plain):
    """Tables as wide as the terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        super().__init__(stream)
        self._console = Console(file=stream, highlight=False)

    def line(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for column in columns:
            right = column.startswith(">")
            table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row), style=_STYLES.get(row[0]))
        self._console.print(table)
