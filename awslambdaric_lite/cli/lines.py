"""Lines of a log for people: in colours on a terminal, plain anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ..common.tables import is_terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_PLATFORM = ("START ", "END ", "REPORT ", "INIT_START ", "INIT_REPORT ", "RESTORE_START ", "RESTORE_REPORT ")
_FAILURES = ("[ERROR]", "[CRITICAL]", "LAMBDA_WARNING")


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


def line_writer(stream: TextIO) -> Callable[[str], None]:
    """Return a function that writes a line of a log to a stream."""
    console = terminal(stream)
    if console is None:
        return lambda line: plain_line(line, stream)
    return lambda line: coloured_line(line, console)


def plain_line(line: str, stream: TextIO) -> None:
    """Write a line as it is."""
    # CloudWatch shows a carriage return within a log event as a line break.
    print(line.replace("\r", "\n"), file=stream, flush=True)


def coloured_line(line: str, console: Console) -> None:
    """Write a line of a log in colours."""
    console.print(coloured(line))


def coloured(line: str) -> Text:
    """Return a line of the platform dimmed, a failure in red, and a line of the function in the colours it chose."""
    from rich.text import Text

    text = line.replace("\r", "\n")
    if line.startswith(_PLATFORM):
        failed = "\tStatus: " in line and "\tStatus: success" not in line
        return Text(text, style="red" if failed else "dim")
    if line.startswith(_FAILURES) or " Task timed out after " in line:
        first, newline, rest = text.partition("\n")
        return Text.assemble((first, "bold red"), newline, rest)
    return Text.from_ansi(text) if "\x1b" in text else Text(text)
