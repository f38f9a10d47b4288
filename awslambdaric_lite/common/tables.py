"""Tables and lines for people, drawn by rich: in colours on a terminal, plain text in a pipe or a file."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from .terminal_text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

_WITHOUT_LIMIT = 100_000  # characters; a pipe has no width, and a line in it is neither cut nor wrapped


@dataclass
class Table:
    """A title, a header and rows. The first `text_columns` columns hold text, the others figures.

    Attributes:
        row_styles: the style of a row by its first cell.
    """

    title: str
    header: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    text_columns: int = 1
    row_styles: Mapping[str, str] = field(default_factory=dict)


class Printer:
    """Prints tables and lines on a stream. Control characters and what the stream cannot encode become escapes.

    Raises:
        ModuleNotFoundError: rich is not installed; the message names the extra.
    """

    def __init__(self, stream: TextIO) -> None:
        require_rich()
        from rich.console import Console

        self._stream = stream
        self._has_printed = False
        self._on_terminal = is_terminal(stream)
        width = None if self._on_terminal else _WITHOUT_LIMIT
        self._console = Console(file=stream, force_terminal=self._on_terminal, width=width, highlight=False)

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line; a terminal breaks it where it is too long."""
        from rich.text import Text

        self._print(Text(escape_unprintable(text), style), soft_wrap=True)

    def table(self, table: Table) -> None:
        """Print a table, with an empty line and its title above it."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        if self._has_printed:
            self.line()
        if table.title:
            self.line(table.title, "bold")
        drawn = RichTable(box=box.SIMPLE_HEAD if self._on_terminal else None, pad_edge=False)
        for column, name in enumerate(table.header):
            drawn.add_column(
                Text(escape_unprintable(name)),
                justify="left" if column < table.text_columns else "right",
                overflow="fold",
            )
        for row in table.rows:
            cells = (Text(escape_unprintable(cell)) for cell in row)
            drawn.add_row(*cells, style=table.row_styles.get(row[0]))
        self._print(drawn)

    def _print(self, content: RenderableType, *, soft_wrap: bool = False) -> None:
        with self._console.capture() as captured:
            self._console.print(content, soft_wrap=soft_wrap)
        text, encoding = captured.get(), self._stream.encoding or "utf-8"
        if not self._on_terminal:  # rich fills the last column with spaces
            text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
        self._has_printed = True
        self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def require_rich() -> None:
    """Check that tables can be drawn, before the work whose result they show.

    Raises:
        ModuleNotFoundError: rich is not installed; the message names the extra.
    """
    if importlib.util.find_spec("rich") is None:
        raise ModuleNotFoundError(
            "tables need rich; install it with: pip install 'awslambdaric-lite[local]'", name="rich"
        )


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can do more than plain text."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def escape_unprintable(text: str) -> str:
    """Return one line, in which each control character is an escape, so that no terminal obeys it."""
    return visible(text).replace("\t", "\\t")
