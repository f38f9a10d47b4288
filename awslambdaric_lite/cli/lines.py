"""Lines of log for people: in colours on a terminal that has them, plain anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ..common.tables import is_terminal

if TYPE_CHECKING:
    from rich.console import Console

_PLATFORM = ("START ", "END ", "REPORT ", "INIT_START ", "INIT_REPORT ", "RESTORE_START ", "RESTORE_REPORT ")
_FAILURES = ("[ERROR]", "[CRITICAL]", "LAMBDA_WARNING")


def terminal(stream: TextIO) -> Console | None:
    """The terminal behind a stream; None if there is none, or if it cannot do more than plain text.

    `rich` is imported for terminals only, and missed by nobody. It leaves colours out where `NO_COLOR` is set.
    """
    if not is_terminal(stream):
        return None
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    # As wide as can be: the terminal breaks lines itself, so that they can be copied in one piece.
    return Console(file=stream, soft_wrap=True, highlight=False, force_terminal=True)


def line_writer(stream: TextIO) -> Callable[[str], None]:
    """What shows a line of log on a stream."""
    console = terminal(stream)
    if console is None:
        return lambda line: plain_line(line, stream)
    return lambda line: coloured_line(line, console)


def plain_line(line: str, stream: TextIO) -> None:
    """Write it as it is."""
    # Within a line of log, a carriage return stands for a line break (CloudWatch shows it so).
    print(line.replace("\r", "\n"), file=stream, flush=True)


def coloured_line(line: str, console: Console) -> None:
    """What the platform says stands back, failures stand out, and the function has the colours it chose."""
    from rich.text import Text

    text = line.replace("\r", "\n")
    if line.startswith(_PLATFORM):
        failed = "\tStatus: " in line and "\tStatus: success" not in line
        console.print(Text(text, style="red" if failed else "dim"))
    elif line.startswith(_FAILURES) or " Task timed out after " in line:
        first, newline, rest = text.partition("\n")
        console.print(Text.assemble((first, "bold red"), newline, rest))
    else:
        console.print(Text.from_ansi(text))
