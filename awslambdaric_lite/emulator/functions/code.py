"""The code of a function as data: its digest, and a copy that never changes."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import os
import shutil
from pathlib import Path

from ...packaging import reading
from ..config.function import FunctionConfig


def freeze(function: FunctionConfig, folder: Path) -> FunctionConfig:
    """Return the settings with a copy of the code, in a new folder or as the same zip file.

    Raises:
        OSError: a file cannot be copied.
    """
    root = function.task_root
    if not root.is_dir():
        folder.mkdir()
        return dataclasses.replace(function, task_root=Path(shutil.copy2(root, folder / "code.zip")))
    folder.mkdir()

    def copy(source: Path, target: Path) -> None:
        if source.is_symlink() and not (source.parent / os.readlink(source)).resolve().is_relative_to(root.resolve()):
            target.symlink_to(source.resolve())  # a relative link would lead elsewhere
        elif source.is_symlink() or source.is_file():  # not a socket or a named pipe
            shutil.copy2(source, target, follow_symlinks=False)

    reading.merge(root, folder, copy)
    return dataclasses.replace(function, task_root=folder)


def digest(root: Path) -> tuple[str, int]:
    """Return the SHA-256 of a zip file in base64, or of the content of a folder, and the size in bytes.

    A folder's digest changes with the paths, the content and the executable bits of its files.
    """
    total, size = hashlib.sha256(), 0
    if root.is_file():
        data = root.read_bytes()
        return base64.b64encode(hashlib.sha256(data).digest()).decode(), len(data)
    for path in sorted(root.rglob("*")):
        with contextlib.suppress(OSError):  # unreadable, or removed meanwhile
            if path.is_symlink():
                data = os.fsencode(os.readlink(path))
            elif path.is_file() and "__pycache__" not in path.parts:
                data = path.read_bytes()
            else:
                continue
            header = f"{path.relative_to(root).as_posix()}\0{path.lstat().st_mode & 0o170111:o}\0{len(data)}\0"
            total.update(header.encode(errors="surrogateescape") + data)
            size += len(data)
    return base64.b64encode(total.digest()).decode(), size
