"""Lines for people: of a log, in colours on a terminal and plain anywhere else, and messages of commands."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ..common.tables import is_terminal
from ..common.terminal_text import PlatformLine, ReportLine, print_lines, visible_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_FAILURES = ("[ERROR]", "[CRITICAL]", "LAMBDA_WARNING")
_REPORTS = re.compile(r"[A-Z_]+ ")


def terminal(stream: TextIO) -> Console | None:
    """Return the terminal behind a stream; None if it is not one, or can show plain text only.

    rich is imported for terminals only; without it they get plain text. It leaves colours out where `NO_COLOR` is set.
    """
    if not is_terminal(stream):
        return None
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    # The terminal breaks lines itself, so that they can be copied in one piece.
    return Console(file=stream, soft_wrap=True, highlight=False, force_terminal=True)


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a message of a command, by default on standard error."""
    print_lines(text, stream or sys.stderr)


def say_output(output: str) -> None:
    """Print what a process wrote last."""
    for text in ("--- last output of the process", output, "---"):
        say(text)


def say_log_records() -> None:
    """Let records of `logging`, which may contain text of clients, go the same way."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Formatter())


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record))


def line_writer(stream: TextIO) -> Callable[[str], None]:
    """Return a function that writes a line of a log to a stream."""
    console = terminal(stream)
    if console is None:
        return lambda line: plain_line(line, stream)
    return lambda line: coloured_line(line, console)


def plain_line(line: str, stream: TextIO, prefix: str = "") -> None:
    """Write a line of a log, whose own line breaks are shown as CloudWatch shows them."""
    print_lines(line, stream, prefix=prefix)


def coloured_line(line: str, console: Console) -> None:
    """Write a line of a log in colours."""
    console.print(coloured(line))


def coloured(line: str, prefix: str = "") -> Text:
    """Return a line of the platform dimmed, a failure in red, and a line of the function in the colours it chose."""
    from rich.text import Text

    if prefix:
        parts = coloured(line).split("\n", allow_blank=True)
        return Text("\n").join(Text.assemble((prefix, "cyan"), part) for part in parts)
    if isinstance(line, PlatformLine) and _REPORTS.match(line):
        failed = "\tStatus: " in line and "\tStatus: success" not in line
        return Text(visible_lines(line), style="red" if failed else "dim")
    is_failure = line.startswith(_FAILURES) and not isinstance(line, ReportLine)
    if is_failure or (isinstance(line, PlatformLine) and " Task timed out after " in line):
        first, newline, rest = visible_lines(line).partition("\n")
        return Text.assemble((first, "bold red"), newline, rest)
    text = visible_lines(line, colours=True)
    return Text.from_ansi(text) if "\x1b" in text else Text(text)
