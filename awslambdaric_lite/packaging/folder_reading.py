"""Folders, as they would be packed or copied into an image."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from .errors import PackagingError
from .package import Package, check_tree, checked_size, printable, resolve


class FolderPackage(Package):
    """A folder, listed when it is opened.

    Raises:
        PackagingError: it cannot be read, has something that is neither file, folder nor link, or a link out of it.
    """

    def __init__(self, root: Path, *, called: Path | None = None) -> None:
        self._root = root
        self._called = root if called is None else called
        self._status: dict[str, os.stat_result] = {}
        self._links: dict[str, str] = {}
        self._folders: list[str] = []
        try:
            self._list("")
        except OSError as error:
            raise PackagingError(f"{self._shown(error.filename)} cannot be read: {error.strerror}") from error
        checked_size(len(self._status), sum(status.st_size for status in self._status.values()), self._called)
        check_tree((), (), self._links, self._called)
        leading_to_files = [name for name in self._links if resolve(name, self._links, self._called) in self._status]
        self._names = sorted([*self._status, *leading_to_files])
        self._folders.sort()

    def names(self) -> list[str]:
        return self._names

    def folders(self) -> list[str]:
        return self._folders

    def links(self) -> Mapping[str, str]:
        return self._links

    def open(self, name: str) -> IO[bytes]:
        try:
            return (self._root / resolve(name, self._links, self._called)).open("rb")
        except OSError as error:
            raise PackagingError(f"{self._called}: {printable(name)} cannot be read: {error.strerror}") from error

    def size(self, name: str) -> int:
        return self._of(name).st_size

    def mode(self, name: str) -> int:
        return stat.S_IMODE(self._of(name).st_mode)

    def mtime(self, name: str) -> int:
        return int(self._of(name).st_mtime)

    def packed_size(self) -> int | None:
        return None if self._called == self._root else self._called.stat().st_size

    def _of(self, name: str) -> os.stat_result:
        return self._status[resolve(name, self._links, self._called)]

    def _list(self, folder: str) -> None:
        with os.scandir(self._root / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                status = entry.stat(follow_symlinks=False)
                if entry.is_symlink():
                    self._links[name] = os.readlink(entry.path)
                elif stat.S_ISDIR(status.st_mode):
                    self._folders.append(name)
                    self._list(name)
                elif stat.S_ISREG(status.st_mode):
                    self._status[name] = status
                else:
                    raise PackagingError(
                        f"{self._called}: {printable(name)} is neither file, folder nor link; leave it out"
                    )

    def _shown(self, path: object) -> str:
        return str(path).replace(str(self._root), str(self._called), 1)
