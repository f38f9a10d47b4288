"""A copy of a function's folder, into which a measurement may write."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..packaging.tool_files import is_of_tool
from .errors import BenchError


def copy_task_root(source: Path, target: Path) -> None:
    """Copy a folder with the dates of its files, without virtual environments and what tools leave in projects.

    Raises:
        BenchError: a file cannot be read or written.
    """
    try:
        shutil.copytree(source, target, ignore=_unneeded)
    except shutil.Error as error:
        path, _, reason = error.args[0][0]
        raise BenchError(f"{path} cannot be copied: {reason}; remove it, or name another --task-root") from None
    except OSError as error:
        raise BenchError(f"{error.filename} cannot be copied: {error.strerror}; free some space") from None


def _unneeded(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if is_of_tool(name) or not _is_copied(os.path.join(folder, name))]


def _is_copied(path: str) -> bool:
    """Return whether it is a file, or a folder that is neither a virtual environment nor a link to one above it."""
    if not os.path.isdir(path):
        return os.path.isfile(path)  # not a socket, nor a link that leads nowhere
    is_above = os.path.islink(path) and f"{os.path.realpath(os.path.dirname(path))}/".startswith(
        f"{os.path.realpath(path)}/"
    )
    return not is_above and not os.path.exists(os.path.join(path, "pyvenv.cfg"))
