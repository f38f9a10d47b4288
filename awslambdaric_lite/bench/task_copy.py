"""A copy of a function's folder, into which a measurement may write."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..common.words import format_size
from ..packaging.package import BYTES_LIMIT
from ..packaging.tool_files import is_of_tool
from .errors import BenchError


def copy_task_root(source: Path, target: Path) -> None:
    """Copy a folder with the dates of its files, without virtual environments and what tools leave in projects.

    Raises:
        BenchError: a file cannot be read or written, or the folder is larger than any function.
    """
    try:
        shutil.copytree(source, target, ignore=_Filter(source, os.path.realpath(target)).unneeded)
    except shutil.Error as error:
        path, _, reason = error.args[0][0]
        raise BenchError(f"{path} cannot be copied: {reason}; remove it, or name another --task-root") from None
    except OSError as error:
        raise BenchError(f"{error.filename} cannot be copied: {error.strerror}; free some space") from None


class _Filter:
    def __init__(self, source: Path, target: str) -> None:
        self._source = source
        self._target = target
        self._size = 0

    def unneeded(self, folder: str, names: list[str]) -> list[str]:
        """Return the entries of a folder that are not copied.

        Raises:
            BenchError: the folders so far are larger than any function.
        """
        return [name for name in names if is_of_tool(name) or not self._is_needed(os.path.join(folder, name))]

    def _is_needed(self, path: str) -> bool:
        if os.path.isdir(path):
            return self._is_folder_of_code(path)
        if not os.path.isfile(path):  # e.g. a socket, or a link that leads nowhere
            return False
        self._size += os.path.getsize(path)
        if self._size > BYTES_LIMIT:
            limit = format_size(BYTES_LIMIT)
            raise BenchError(f"{self._source} has more than {limit}; name the function's folder with --task-root")
        return True

    def _is_folder_of_code(self, path: str) -> bool:
        real = os.path.realpath(path)
        if real == self._target or os.path.exists(os.path.join(path, "pyvenv.cfg")):
            return False
        parent = os.path.realpath(os.path.dirname(path))
        return not (os.path.islink(path) and f"{parent}/".startswith(f"{real}/"))  # such a link makes a circle
