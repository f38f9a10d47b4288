"""The output of `serve` on a terminal: the log in colours above a line of figures for each function, which stays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..common.terminal_text import visible_lines
from ..common.words import count
from .displays import Display, Figures, Served
from .lines import coloured

_SHARE = 3  # a third of the terminal's lines shows figures


class TerminalDisplay(Display):
    """A display that redraws its figures when one of its methods is called; no thread draws them.

    The lines of the log that come in one turn of the event loop are drawn together.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._figures: dict[str, Figures] = {"": Figures()}  # of each function
        self._lines: list[Text] = []  # that are not drawn yet
        self._error: OSError | None = None  # that the next line raises
        self._live = Live(
            console=console,
            get_renderable=self._status,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def serving(self, served: Served) -> None:
        first, *others = served.lines()
        self.notice(first, "bold")
        for line in others:
            self.notice(line, "")
        self._live.start(refresh=True)

    def align(self, names: Sequence[str]) -> None:
        super().align(names)
        self._figures = {name: Figures() for name in names}

    def line(self, line: str, function: str = "") -> None:
        if self._error is not None:
            raise self._error
        self._lines.append(coloured(line, self._prefix(function)))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._draw_later)

    def figures(self, figures: Figures, function: str = "") -> None:
        self._draw_lines()
        if figures != self._figures.get(function):
            self._figures[function] = figures
            self._live.refresh()

    def notice(self, text: str, style: str) -> None:
        self._draw_lines()
        self._console.print(Text(visible_lines(text), style), soft_wrap=True)

    def warning(self, text: str) -> None:
        self.notice(f"warning: {text}", "yellow")

    def close(self) -> None:
        self._draw_lines()
        self._live.stop()  # removes the figures and shows the cursor again

    def _draw_later(self) -> None:
        try:
            self._draw_lines()
        except OSError as error:
            self._error = error

    def _draw_lines(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            self._console.print(Text("\n").join(lines))

    def _status(self) -> Text:
        """Return a line for each function, and one for those that the terminal has no room for."""
        names = list(self._figures)
        room = max(self._console.height // _SHARE, 1)
        shown = names if len(names) <= room else names[: room - 1]
        lines = [self._line(self._prefix(name), [self._figures[name]]) for name in shown]
        if rest := names[len(shown) :]:
            title = count(len(rest), f"{'more ' if shown else ''}function")
            lines.append(self._line(f"{title:{self._width}} | ", [self._figures[name] for name in rest]))
        return Text("\n").join(lines)

    def _line(self, title: str, figures: Sequence[Figures]) -> Text:
        parts = [
            count(sum(each.environments for each in figures), "environment"),
            f"{sum(each.busy for each in figures)} busy",
            f"{sum(each.queued for each in figures)} queued",
            count(sum(each.invocations for each in figures), "invocation"),
            count(sum(each.errors for each in figures), "error"),
        ]
        if throttles := sum(each.throttles for each in figures):
            parts.append(f"{throttles} throttled")
        status = Text(title + " · ".join(parts), "reverse")
        status.truncate(self._console.width - 1, overflow="ellipsis")  # in one line, however narrow the terminal
        return status
