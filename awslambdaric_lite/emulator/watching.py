"""Detection of changes to a function's code, with watchfiles.

A change counts for code, and for another file that the function has read, but not for a file that it has written.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from .file_use import FileUse

try:
    from watchfiles import Change, DefaultFilter, awatch
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "watching files needs watchfiles; install it with: pip install 'awslambdaric-lite[local]'", name="watchfiles"
    ) from missing

_CODE = {
    *(".py", ".pyd", ".so", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php", ".lua", ".sh"),
    *(".jar", ".class", ".dll", ".wasm"),
}
_COMPARED = 64 * 1024 * 1024  # bytes; a larger file is compared by its size and time


class SourceFilter(DefaultFilter):
    """Filter of files that are not part of a function: bytecode, version control, caches, editors' files, environments.

    A folder with a `pyvenv.cfg` is a virtual environment, whatever its name. The files of standard output and standard
    error are not part of it, because each report of a change would change them. `ignored` are patterns of names, or of
    paths if they contain a slash.
    """

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".nox", ".ruff_cache")

    def __init__(self, roots: Sequence[Path], ignored: Sequence[str] = ()) -> None:
        super().__init__()
        self._roots = roots
        self._ignored = [pattern.rstrip("/") for pattern in ignored]

    def __call__(self, change: Change, path: str) -> bool:
        return any(self._is_source(change, root, Path(path)) for root in self._roots) and not _is_output(path)

    def _is_source(self, change: Change, root: Path, path: Path) -> bool:
        if not path.is_relative_to(root):
            return False
        # The root itself may be in a folder with such a name: only names below it count.
        relative = path.relative_to(root)
        if not super().__call__(change, str(relative)) or self._is_ignored(relative):
            return False
        return not any((root / folder / "pyvenv.cfg").exists() for folder in list(relative.parents)[:-1])

    def _is_ignored(self, relative: Path) -> bool:
        return any(
            fnmatchcase(str(part) if "/" in pattern else part.name, pattern)
            for pattern in self._ignored
            for part in (relative, *relative.parents)
        )


class Sources:
    """The code in some folders, and the other files that the function reads: what they contained at the last look.

    `others` are layers and further files of the function, of which it sees copies: each file of them is code.
    """

    def __init__(self, task_root: Path, others: Sequence[Path] = (), ignored: Sequence[str] = ()) -> None:
        self._others = [other.resolve() for other in (*others, *([task_root] if task_root.is_file() else []))]
        self._roots = [task_root.resolve(), *self._others]
        self._filter = SourceFilter(self._roots, ignored)
        found = (path for root in self._roots for path in self._files(root) if self._is_code(path))
        self._code = {path: _content(path) for path in found}
        self._read: dict[Path, bytes | None] = {}
        self._written: set[Path] = set()
        self._use = FileUse(self._folders(self._roots[0]))
        self._runs = False

    @property
    def roots(self) -> Sequence[Path]:
        """The folders and files to watch."""
        return self._roots

    def close(self) -> None:
        """Stop to observe which files the function uses."""
        self._use.close()

    def on_activity(self, runs: bool) -> None:
        """Note that the function begins or ends to run; what was used until now was used before that."""
        self._observe()
        self._runs = runs

    async def changes(self, stop: asyncio.Event) -> AsyncIterator[list[Path]]:
        """Yield the changes that count, each time that no more changes follow for a moment.

        Raises:
            OSError: a folder cannot be watched.
        """
        async for paths in changes(self._roots, stop, self._filter):
            if counted := self.count(paths):
                yield counted

    def count(self, paths: Sequence[Path]) -> list[Path]:
        """Return those of the changed files that count."""
        self._observe()
        counted = [path for path in paths if self._is_wanted(path) and self._has_changed(path)]
        if counted:
            self._read.clear()
            self._written.clear()
        return counted

    def _has_changed(self, path: Path) -> bool:
        """Return whether a file, or a file below a folder, has new content; the next call compares with this one."""
        if path.is_file() or path in self._code:
            return self._is_new(path)
        known = [file for file in (*self._code, *self._read) if file.is_relative_to(path)]
        changed = [file for file in dict.fromkeys((*known, *self._files(path))) if self._is_new(file)]
        return bool(changed)

    def _is_new(self, path: Path) -> bool:
        content = _content(path)
        written = not self._written.isdisjoint((path, *path.parents))
        if path in self._code or self._is_code(path):
            before = self._code.get(path)
            if before is None and written:
                return False
            self._code[path] = content
            return content != before
        if path in self._read and not written:
            before, self._read[path] = self._read[path], content
            return content != before
        return False

    def _observe(self) -> None:
        """Note which files the function has read and written."""
        for path, written in self._use.drain():
            if not self._runs or not self._is_wanted(path):
                continue
            if written:
                self._written.add(path)
            elif path not in self._read and path not in self._code:
                self._read[path] = _content(path)

    def _is_code(self, path: Path) -> bool:
        if path.suffix in _CODE or any(path.is_relative_to(other) for other in self._others):
            return True
        with contextlib.suppress(OSError):
            mode = path.stat().st_mode
            return stat.S_ISREG(mode) and mode & 0o111 != 0
        return False

    def _files(self, path: Path) -> Iterator[Path]:
        """Return the files below a folder, or a file itself, without those that the filter leaves out."""
        if path.is_file():
            yield path
        for folder in self._folders(path):
            with contextlib.suppress(OSError):
                yield from (file for file in folder.iterdir() if file.is_file() and self._is_wanted(file))

    def _folders(self, path: Path) -> Iterator[Path]:
        """Return a folder and those below it, without those that the filter leaves out."""
        if path.is_dir():
            yield path
            with contextlib.suppress(OSError):
                for folder in path.iterdir():
                    if folder.is_dir() and not folder.is_symlink() and self._is_wanted(folder):
                        yield from self._folders(folder)

    def _is_wanted(self, path: Path) -> bool:
        return self._filter(Change.modified, str(path))


def _is_output(path: str) -> bool:
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # it is closed, or the file is removed
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return True
    return False


def _content(path: Path) -> bytes | None:
    """Return a digest of the content of a file; None if it does not exist."""
    with contextlib.suppress(OSError):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > _COMPARED:
            return f"{status.st_size} {status.st_mtime_ns}".encode()
        return hashlib.blake2b(path.read_bytes()).digest()
    return None


async def changes(
    roots: Sequence[Path], stop: asyncio.Event, wanted: SourceFilter | None = None
) -> AsyncIterator[list[Path]]:
    """Yield the changes below the roots (folders or files), each time that no more changes follow for a moment.

    Watching begins with the first step of the iteration, before its first wait, and ends with `stop`.

    Raises:
        OSError: the roots cannot be watched.
    """
    resolved = [root.resolve() for root in roots]
    async for batch in awatch(*resolved, watch_filter=wanted or SourceFilter(resolved), stop_event=stop):
        yield sorted({Path(path) for _, path in batch})
