"""Detection of changes to a function's files, with watchfiles."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

try:
    from watchfiles import Change, DefaultFilter, awatch
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "watching files needs watchfiles; install it with: pip install 'awslambdaric-lite[local]'", name="watchfiles"
    ) from missing


class SourceFilter(DefaultFilter):
    """Filter of files that are not part of a function: bytecode, version control, caches, editors' files, environments.

    A folder with a `pyvenv.cfg` is a virtual environment, whatever its name. The files of standard output and standard
    error are not part of it, because each report of a change would change them.
    """

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".nox", ".ruff_cache")

    def __init__(self, roots: Sequence[Path]) -> None:
        super().__init__()
        self._roots = roots

    def __call__(self, change: Change, path: str) -> bool:
        return any(self._is_source(change, root, Path(path)) for root in self._roots) and not _is_output(path)

    def _is_source(self, change: Change, root: Path, path: Path) -> bool:
        if not path.is_relative_to(root):
            return False
        # The root itself may be in a folder with such a name: only names below it count.
        relative = path.relative_to(root)
        if not super().__call__(change, str(relative)):
            return False
        return not any((root / folder / "pyvenv.cfg").exists() for folder in list(relative.parents)[:-1])


def _is_output(path: str) -> bool:
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # it is closed, or the file is removed
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return True
    return False


async def changes(roots: Sequence[Path], stop: asyncio.Event) -> AsyncIterator[list[Path]]:
    """Yield the changes below the roots (folders or files), each time that no more changes follow for a moment.

    Watching begins with the first step of the iteration, before its first wait, and ends with `stop`.

    Raises:
        OSError: the roots cannot be watched.
    """
    resolved = [root.resolve() for root in roots]
    async for batch in awatch(*resolved, watch_filter=SourceFilter(resolved), stop_event=stop):
        yield sorted({Path(path) for _, path in batch})
