"""The choice of an installation's files for the layer.

Files that no function needs are in named groups and excluded; `--keep` includes a group. All other files of the
standard library are packed, so that new data files of a later Python are not lost.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from awslambdaric_lite.packaging.errors import PackagingError

from .interpreter import Interpreter

SOURCES = "sources"
"""The group of the standard library's sources; without it, the layer has only their bytecode."""

_DOCUMENTATION = "documentation"

# Patterns for names within the standard library. `*` matches slashes, too.
_GROUPS: dict[str, tuple[str, ...]] = {
    "tests": (
        "test/*",
        "*/test/*",
        "*/tests/*",
        "*/idle_test/*",
        "lib-dynload/_test*",
        "lib-dynload/_ctypes_test*",
        "lib-dynload/_xx*",
        "lib-dynload/xx*",
        "__hello__.py",
        "__phello__*",
    ),
    "tkinter": ("tkinter/*", "turtle.py", "turtledemo/*", "lib-dynload/_tkinter*"),
    "idlelib": ("idlelib/*",),
    "ensurepip": ("ensurepip/*", "venv/*"),
    "lib2to3": ("lib2to3/*",),
    "pydoc_data": ("pydoc_data/*",),  # the topics of help()
    "crypt": ("crypt.py", "lib-dynload/_crypt*"),  # needs libcrypt.so.1, which Amazon Linux 2023 does not have
    "config": ("config-*/*", "*.a"),  # for building extension modules, as is `include`
    _DOCUMENTATION: ("*.rst", "*.txt", "*.css", "*.bat", "*.ini", "README*", "*/README*", "*/fetch_macholib"),
}
_IN_PREFIX = {  # the same for names within the installation, which are excluded unless kept
    "tkinter": ("lib/tcl*", "lib/tk*", "lib/itcl*", "lib/thread*", "lib/libtcl*", "lib/libtk*", "lib/Tix*"),
    "config": ("include/*",),
}
_ALWAYS = ("LICENSE.txt",)
_NEVER = ("sitecustomize.py", "usercustomize.py", "EXTERNALLY-MANAGED", "*.pyc", "*.pyo")
_NEVER_FOLDERS = ("site-packages", "dist-packages", "__pycache__")

KEEPABLE: tuple[str, ...] = (*_GROUPS, SOURCES)
"""What `--keep` takes."""


@dataclass(frozen=True)
class Selection:
    """Contents by their names within the layer.

    Attributes:
        sources: the standard library's modules, as source.
        files: all others, including extension modules and the program.
        executable: those of `files` that are executed or loaded.
    """

    sources: dict[str, bytes]
    files: dict[str, bytes]
    executable: frozenset[str]


def check_keep(keep: Collection[str]) -> None:
    """Check that these groups exist.

    Raises:
        PackagingError: one does not.
    """
    for group in keep:
        if group not in KEEPABLE:
            raise PackagingError(f"--keep {group}: unknown group; choose one of: {', '.join(KEEPABLE)}")


def select(interpreter: Interpreter, keep: Collection[str]) -> Selection:
    """Read the files of an installation to pack, except its shared library and its `site-packages`.

    Raises:
        PackagingError: a file cannot be read.
    """
    files = {interpreter.program_name: _read(interpreter.executable)}
    sources: dict[str, bytes] = {}
    for name, path in _walk(interpreter.library, ""):
        if _is_wanted(name, keep):
            kind = sources if name.endswith(".py") else files
            kind[f"{interpreter.library_name}/{name}"] = _read(path)
    for folder in ("include", "lib"):
        for name, path in _kept_of_prefix(interpreter.prefix, folder, keep):
            files.setdefault(name, _read(path))
    # The interpreter (getpath) looks for this folder to find its prefix, and a zip file has no empty folders.
    landmark = f"{interpreter.library_name}/lib-dynload/"
    if not any(name.startswith(landmark) for name in files):
        files[f"{landmark}.keep"] = b""
    return Selection(sources, files, frozenset(name for name in files if _is_code(name)))


def _is_wanted(name: str, keep: Collection[str]) -> bool:
    if name in _ALWAYS:
        return True
    if any(fnmatchcase(name, pattern) for pattern in _NEVER):
        return False
    groups = [group for group, patterns in _GROUPS.items() if any(fnmatchcase(name, pattern) for pattern in patterns)]
    left_out = [group for group in groups if group not in keep]
    return not left_out or (left_out == [_DOCUMENTATION] and len(groups) > 1)  # texts of a kept group are data


def _is_code(name: str) -> bool:
    return name.startswith("bin/") or ".so" in name.rpartition("/")[2]


def _walk(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Yield every file below a folder with its name, in order."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise PackagingError(f"{folder} cannot be read: {error.strerror}; check its permissions") from None
    for entry in entries:
        if entry.is_dir():
            if entry.name not in _NEVER_FOLDERS:
                yield from _walk(Path(entry.path), f"{name}{entry.name}/")
        elif entry.is_file():
            yield f"{name}{entry.name}", Path(entry.path)


def _kept_of_prefix(prefix: Path, folder: str, keep: Collection[str]) -> Iterator[tuple[str, Path]]:
    patterns = [pattern for group in keep for pattern in _IN_PREFIX.get(group, ()) if pattern.startswith(folder)]
    if not patterns or not (prefix / folder).is_dir():
        return
    for name, path in _walk(prefix / folder, f"{folder}/"):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            yield name, path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackagingError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
