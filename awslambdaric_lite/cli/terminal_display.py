"""How `serve` tells what it does on a terminal: the log in colours above one line of figures that stays."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.text import Text

from .displays import Figures, Outcome, Served, reload_line
from .lines import coloured_line

_NOTHING = Figures(0, 0, 0, 0, 0, 0)


class TerminalDisplay:
    """Draws the figures when it is told of something new; there is no thread that would."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._figures = _NOTHING
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
        self._print(Text(first, style="bold"))
        for line in others:
            self._print(Text(line))
        self._live.start(refresh=True)

    def line(self, line: str) -> None:
        coloured_line(line, self._console)

    def figures(self, figures: Figures) -> None:
        if figures != self._figures:
            self._figures = figures
            self._live.refresh()

    def outcome(self, outcome: Outcome) -> None:
        if outcome.report is None:
            self._print(Text(f"No result: {outcome.error_type} RequestId: {outcome.request_id}", style="red"))

    def reloading(self, paths: Sequence[str]) -> None:
        self._print(Text(reload_line(paths), style="cyan"))

    def warning(self, text: str) -> None:
        self._print(Text(f"warning: {text}", style="yellow"))

    def stopped(self, lost: int) -> None:
        self.close()
        if lost:
            self.warning(f"{lost} asynchronous events were lost by stopping")

    def close(self) -> None:
        """Take the figures away, and show the cursor again."""
        self._live.stop()

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)

    def _status(self) -> Text:
        figures = self._figures
        parts = [
            _count(figures.environments, "environment"),
            f"{figures.busy} busy",
            f"{figures.queued} queued",
            _count(figures.invocations, "invocation"),
            _count(figures.errors, "error"),
        ]
        if figures.throttles:
            parts.append(f"{figures.throttles} throttled")
        status = Text(" · ".join(parts), style="reverse")
        status.truncate(self._console.width - 1, overflow="ellipsis")  # in one line, however narrow the terminal
        return status


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
