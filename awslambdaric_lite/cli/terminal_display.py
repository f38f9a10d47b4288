"""The output of `serve` on a terminal: the log in colours above one line of figures that stays."""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..common.terminal_text import visible_lines
from ..common.words import count
from .displays import Display, Figures, Served
from .lines import coloured


class TerminalDisplay(Display):
    """A display that redraws its figures when one of its methods is called; no thread draws them.

    The lines of the log that come in one turn of the event loop are drawn together.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._figures = Figures()
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

    def line(self, line: str) -> None:
        if self._error is not None:
            raise self._error
        self._lines.append(coloured(line))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._draw_later)

    def figures(self, figures: Figures) -> None:
        self._draw_lines()
        if figures != self._figures:
            self._figures = figures
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
        figures = self._figures
        parts = [
            count(figures.environments, "environment"),
            f"{figures.busy} busy",
            f"{figures.queued} queued",
            count(figures.invocations, "invocation"),
            count(figures.errors, "error"),
        ]
        if figures.throttles:
            parts.append(f"{figures.throttles} throttled")
        status = Text(" · ".join(parts), "reverse")
        status.truncate(self._console.width - 1, overflow="ellipsis")  # in one line, however narrow the terminal
        return status
