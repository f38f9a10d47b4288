"""Notices that the files of a function change. Needs watchfiles, and says so where that is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

try:
    from watchfiles import Change, DefaultFilter, awatch
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "watching files needs watchfiles; install it with: pip install 'awslambdaric-lite[local]'", name="watchfiles"
    ) from missing


class SourceFilter(DefaultFilter):
    """Leaves out what no function is made of: bytecode, version control, caches, editors' files, environments.

    A folder is a virtual environment by its `pyvenv.cfg`, whatever its name.
    """

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".nox", ".ruff_cache")

    def __init__(self, roots: Sequence[Path]) -> None:
        super().__init__()
        self._roots = roots

    def __call__(self, change: Change, path: str) -> bool:
        return any(self._is_source(change, root, Path(path)) for root in self._roots)

    def _is_source(self, change: Change, root: Path, path: Path) -> bool:
        if not path.is_relative_to(root):
            return False
        # The root itself may well lie in a folder with such a name: only what is below it counts.
        relative = path.relative_to(root)
        if not super().__call__(change, str(relative)):
            return False
        return not any((root / folder / "pyvenv.cfg").exists() for folder in list(relative.parents)[:-1])


async def changes(roots: Sequence[Path], stop: asyncio.Event) -> AsyncIterator[list[Path]]:
    """What has changed below the roots (folders or files), each time that it did and is quiet again for a moment.

    Watching begins with the first step of the iteration, before that waits for anything, and ends with `stop`.

    Raises:
        OSError: the roots cannot be watched.
    """
    resolved = [root.resolve() for root in roots]
    async for batch in awatch(*resolved, watch_filter=SourceFilter(resolved), stop_event=stop):
        yield sorted({Path(path) for _, path in batch})
