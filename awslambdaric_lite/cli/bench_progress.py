"""What `bench` shows while it works: a bar on a terminal, else a line for each stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from .lines import terminal

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from ..bench.rounds import Progress


@contextmanager
def bench_progress(stream: TextIO) -> Iterator[Progress]:
    """What fits the stream; nothing of a bar is left when it is over."""
    console = terminal(stream)
    if console is None:
        yield _Lines(stream)
        return
    from rich import progress

    console.soft_wrap = False  # a bar has one line, as wide as the terminal
    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    # Drawn after a run only: a thread that draws meanwhile would take time from what is measured.
    with progress.Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        yield _Bar(bar)


class _Lines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def stage(self, text: str, steps: int) -> None:
        print(f"{text} ({steps} processes)", file=self._stream, flush=True)

    def step(self) -> None:
        """Nothing: nobody watches."""


class _Bar:
    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def stage(self, text: str, steps: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(text, total=steps)
        self._bar.refresh()

    def step(self) -> None:
        if self._task is not None:
            self._bar.advance(self._task)
            self._bar.refresh()
