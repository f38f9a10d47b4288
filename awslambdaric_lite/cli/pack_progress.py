"""What `pack` shows while it works: a bar on a terminal, else a line for each stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from .lines import terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from ..packaging.function import Progress


@contextmanager
def packing_display(stream: TextIO) -> Iterator[Progress]:
    """What fits the stream; nothing of a bar is left when it is over."""
    console = terminal(stream)
    if console is None:
        yield _Lines(stream)
        return
    bar = _Bar(console)
    with bar.shown():
        yield bar


class _Lines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def stage(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def happening(self, text: str) -> None:
        """Nothing: nobody watches."""

    def done(self, size: int, total: int) -> None:
        """Nothing: nobody watches."""


class _Bar:
    """Stages one after the other; without figures the bar runs to and fro."""

    def __init__(self, console: Console) -> None:
        from rich import progress

        console.soft_wrap = False  # a bar has one line, as wide as the terminal
        self._progress = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[happening]}", style="dim", markup=False),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self._progress:
            yield

    def stage(self, text: str) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(text, total=None, happening="")

    def happening(self, text: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, happening=text[:40])

    def done(self, size: int, total: int) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=size, total=total)
