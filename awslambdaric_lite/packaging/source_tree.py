"""The files of a function's folder that belong to its package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ..common.files import is_unfinished
from .errors import PackagingError

# Files of version control, tools and file managers; virtual environments are recognized by their pyvenv.cfg.
_NEVER = {
    *(".git", ".hg", ".svn", ".DS_Store"),
    *("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox"),
}


@dataclass(frozen=True)
class SourceTree:
    """Files by their names in the package, and warnings about excluded ones."""

    files: dict[str, Path]
    warnings: list[str]


def collect(source: Path, *, exclude: Sequence[str] = (), output: Path | None = None) -> SourceTree:
    """Find the files of a folder; follow links that stay in it.

    `exclude` has patterns (`*`, `?`, `[…]`) for names anywhere in the folder, or with a slash for paths from its top; a
    folder that matches is excluded with its content. Always excluded are files of version control and tools, bytecode,
    virtual environments, and the `output`.

    Raises:
        PackagingError: the folder or something in it cannot be read, a link leads out, or a file is of a kind
            that packages cannot contain.
    """
    try:
        if not source.is_dir():
            problem = "is not a folder" if source.exists() else "does not exist"
            raise PackagingError(f"{source} {problem}; name the folder with the function's code")
        return _Collector(source, exclude, output).collect()
    except OSError as error:
        raise PackagingError(f"{error.filename} cannot be read: {error.strerror}; check its permissions") from None


class _Collector:
    def __init__(self, source: Path, exclude: Sequence[str], output: Path | None) -> None:
        self._root = Path(os.path.realpath(source))
        self._output = None if output is None else Path(os.path.realpath(output))
        self._excludes = {pattern.strip("/"): False for pattern in exclude}  # whether each has matched
        self._without_source: list[str] = []
        self._files: dict[str, Path] = {}

    def collect(self) -> SourceTree:
        self._add_folder(self._root, "", (self._root,))
        warnings = []
        if self._without_source:
            warnings.append(f"bytecode without its source is excluded: {', '.join(self._without_source)}")
        if unused := [pattern for pattern, used in self._excludes.items() if not used]:
            warnings.append(f"--exclude matches nothing: {', '.join(unused)}")
        return SourceTree(self._files, warnings)

    def _add_folder(self, folder: Path, prefix: str, within: tuple[Path, ...]) -> None:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        for entry in entries:
            name, path = f"{prefix}{entry.name}", Path(entry.path)
            if not self._is_left_out(name, path):
                self._add(name, path, within)

    def _add(self, name: str, path: Path, within: tuple[Path, ...]) -> None:
        real = Path(os.path.realpath(path))
        if path.is_symlink():
            if not path.exists():
                raise PackagingError(f"the link {name} leads nowhere; remove it, or exclude it: --exclude {name}")
            if not real.is_relative_to(self._root):
                raise PackagingError(
                    f"the link {name} leads out of the folder, to {real}; put a copy there, or leave it out: "
                    f"--exclude {name}"
                )
        if path.is_dir():
            if real in within:
                raise PackagingError(f"the link {name} leads back to its own folder; exclude it: --exclude {name}")
            if not os.path.isfile(path / "pyvenv.cfg"):
                self._add_folder(path, f"{name}/", (*within, real))
        elif path.is_file():
            self._files[name] = path
        else:
            raise PackagingError(f"{name} is neither a file nor a folder; exclude it: --exclude {name}")

    def _is_left_out(self, name: str, path: Path) -> bool:
        if path.name in _NEVER:
            return True
        if self._is_output(path) or self._is_excluded(name, path.name):
            return True
        if path.suffix == ".pyc":
            if not path.with_suffix(".py").exists():
                self._without_source.append(name)
            return True
        return False

    def _is_output(self, path: Path) -> bool:
        output = self._output
        if output is None or path.parent != output.parent:
            return False
        return path.name == output.name or is_unfinished(path.name, output.name)

    def _is_excluded(self, name: str, last: str) -> bool:
        matching = [pattern for pattern in self._excludes if fnmatchcase(name if "/" in pattern else last, pattern)]
        for pattern in matching:
            self._excludes[pattern] = True
        return bool(matching)
