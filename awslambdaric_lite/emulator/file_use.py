"""Which files below a folder processes read and write, as inotify tells it; without inotify, none."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

# Source: inotify(7).
_MODIFY, _CLOSE_WRITE, _CLOSE_NOWRITE = 0x2, 0x8, 0x10
_MOVED_TO, _CREATE = 0x80, 0x100
_IS_FOLDER = 0x40000000
_WRITTEN = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE
_EVENT = struct.Struct("iIII")
_READ_SIZE = 64 * 1024


class FileUse:
    """Observer of the files in some folders, and in new folders below them, until `close`."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders: dict[int, Path] = {}
        self._descriptor = -1
        try:
            self._libc = ctypes.CDLL(None)
            self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError):  # not Linux
            return
        for folder in folders:
            self._add(folder)

    def drain(self) -> Iterator[tuple[Path, bool]]:
        """Return the files that were used since the last call, and whether each was written."""
        while self._descriptor >= 0:
            try:
                data = os.read(self._descriptor, _READ_SIZE)
            except OSError:  # no event is left
                return
            at = 0
            while at < len(data):
                watch, mask, _, size = _EVENT.unpack_from(data, at)
                name = data[at + _EVENT.size : at + _EVENT.size + size].rstrip(b"\0")
                at += _EVENT.size + size
                if watch not in self._folders or not name:
                    continue
                path = self._folders[watch] / os.fsdecode(name)
                if mask & _IS_FOLDER and mask & _WRITTEN:
                    self._add(path)
                if mask & _WRITTEN or not mask & _IS_FOLDER:
                    yield path, bool(mask & _WRITTEN)

    def close(self) -> None:
        """End the observation."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _add(self, folder: Path) -> None:
        watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _WRITTEN | _CLOSE_NOWRITE)
        if watch >= 0:  # else the folder is gone, or the system allows no more watches
            self._folders[watch] = folder
