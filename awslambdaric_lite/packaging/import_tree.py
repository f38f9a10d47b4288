"""How long each import takes, and for whose sake it happens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import PackagingError
from .import_run import run_import

# Written by CPython's import.c; a module comes after all that it has imported, indented by two more for each level.
_LINE = re.compile(rb"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S.*)$")
_LEVEL = 2


@dataclass
class Imported:
    """A module, with what was imported for the first time while it ran. Times are microseconds.

    `self_us` is spent in the module itself, `total_us` with its `children`, which are in the order of the imports.
    """

    name: str
    self_us: int
    total_us: int
    children: list[Imported] = field(default_factory=list)

    def walk(self) -> Iterator[Imported]:
        """It and all below it, from top to bottom."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)


def measure_imports(
    interpreter: Path,
    statement: str,
    *,
    environ: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
    folder: Path | None = None,
    timeout_s: float = 60,
) -> Imported:
    """Run a statement in a fresh interpreter, and return it with all that it imports.

    The arguments are those of `run_import`. Tracing costs some time: take the figures as shares.

    Raises:
        PackagingError: the interpreter cannot be run, or the statement fails there.
    """
    run = run_import(interpreter, statement, environ=environ, path=path, folder=folder, timeout_s=timeout_s, trace=True)
    if run.failure is not None or run.seconds is None:
        raise PackagingError(f"{statement!r} fails in {interpreter}: {run.failure}; correct it first")
    children = parse_importtime(run.stderr)
    total = round(run.seconds * 1e6)
    return Imported(statement, max(0, total - sum(child.total_us for child in children)), total, children)


def parse_importtime(stderr: bytes) -> list[Imported]:
    """Read what `-X importtime` writes; other lines in between, and text before a line's begin, do not matter."""
    waiting: list[tuple[int, Imported]] = []  # those whose parent has not come yet, with their levels
    for line in stderr.splitlines():
        match = _LINE.search(line)
        if match is None:
            continue
        own, total, indent, name = match.groups()
        level = len(indent) // _LEVEL
        children: list[Imported] = []
        while waiting and waiting[-1][0] > level:
            children.append(waiting.pop()[1])
        module = Imported(name.decode("utf-8", "replace").strip(), int(own), int(total), children[::-1])
        waiting.append((level, module))
    return [module for _, module in waiting]
