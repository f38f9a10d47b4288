"""The progress of a command on standard error: a bar on a terminal, else a line for each stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from ..common.words import count
from .lines import terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


@contextmanager
def show_progress(stream: TextIO, *, measuring: bool = False) -> Iterator[Progress]:
    """Show stages as they proceed; the bar disappears when the block ends.

    Args:
        stream: where they are shown.
        measuring: draw the bar after each step only; a thread that draws it would take time from the measurement.
    """
    console = terminal(stream)
    if console is None:
        yield Progress(stream, None)
        return
    from rich import progress

    console.soft_wrap = False  # a bar has one line, as wide as the terminal
    text, bar = progress.TextColumn("{task.description}", markup=False), progress.BarColumn()
    detail = progress.TextColumn("{task.fields[detail]}", style="dim", markup=False)
    columns: tuple[progress.ProgressColumn, ...] = (progress.SpinnerColumn(), text, bar, detail)
    if measuring:
        columns = (text, bar, progress.MofNCompleteColumn(), progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=console, transient=True, auto_refresh=not measuring) as shown:
        yield Progress(stream, shown)


class Progress:
    """The stages of a command, one after the other."""

    def __init__(self, stream: TextIO, bar: Bar | None) -> None:
        self._stream = stream
        self._bar = bar
        self._task: TaskID | None = None

    def stage(self, text: str, steps: int | None = None) -> None:
        """Begin a stage; with `steps` the bar counts them."""
        if self._bar is None:
            print(
                text if steps is None else f"{text} ({count(steps, 'process', 'processes')})",
                file=self._stream,
                flush=True,
            )
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(text, total=steps, detail="")
        self._bar.refresh()

    def step(self) -> None:
        """Count a step, on a terminal only."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)
            self._bar.refresh()

    def happening(self, text: str) -> None:
        """Show a detail of the stage, on a terminal only."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, detail=text[:40])

    def done(self, size: int, total: int) -> None:
        """Show that `size` of `total` is done, on a terminal only."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=size, total=total)
