"""The code of a function as data: a copy that never changes."""

from __future__ import annotations

import dataclasses
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
