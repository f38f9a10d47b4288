"""What is being resolved, so that a circle of references is an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InvalidProject


class Unfinished:
    """The names that are being resolved, each for the one before it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._names: list[str] = []

    @contextmanager
    def entering(self, name: str) -> Iterator[None]:
        """Add a name for the time of a block.

        Raises:
            InvalidProject: it is being resolved already.
        """
        if name in self._names:
            circle = " -> ".join([*self._names[self._names.index(name) :], name])
            raise InvalidProject(f"{self._file}: references make a circle: {circle}; remove one of them")
        self._names.append(name)
        try:
            yield
        finally:
            self._names.pop()
