"""The files of a function's folder that belong to its package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..common.files import is_unfinished
from .distributions import listed_files
from .errors import PackagingError
from .secret_files import secret_in
from .selection import Patterns, Selection, is_valid
from .tool_files import is_of_tool

_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")  # what folders of `venv` and conda have
_OWN_IGNORE_FILE = ".lambdaignore"
_GIT_IGNORE_FILE = ".gitignore"


@dataclass(frozen=True)
class SourceTree:
    """Files by their names in the package, and warnings about excluded ones.

    `left_out` has what was left out although no pattern of the user excludes it, with the reason.
    """

    files: dict[str, Path]
    warnings: list[str]
    left_out: dict[str, str] = field(default_factory=dict)


def collect(
    source: Path, selection: Selection | None = None, *, output: Path | None = None, follow_links: bool = False
) -> SourceTree:
    """Find the files of a folder; follow links that stay in it, with `follow_links` also those that lead out of it.

    Besides what `selection` excludes, these files are left out unless it includes them: those of version control and
    other tools, virtual environments, and what `.lambdaignore` names, or if the folder has none, what git ignores.
    Bytecode that has a source and the `output` are always left out. Exceptions in `.lambdaignore` hold for all of this.

    Raises:
        PackagingError: the folder or something in it cannot be read, a link leads out, a file holds a secret, or is of
            a kind that packages cannot contain.
    """
    try:
        if not source.is_dir():
            problem = "is not a folder" if source.exists() else "does not exist"
            raise PackagingError(f"{source} {problem}; name the folder with the function's code")
        return _Collector(source, selection or Selection(), output, follow_links).collect()
    except OSError as error:
        raise PackagingError(f"{error.filename} cannot be read: {error.strerror}; check its permissions") from None


class _IgnoreFile(NamedTuple):
    name: str
    patterns: Patterns
    below: str  # the folder of the file from the package's root, or the way from the file to the root
    is_outside: bool

    def decide(self, name: str) -> bool | None:
        return self.patterns.decide(self.below + name if self.is_outside else name[len(self.below) :])


class _Collector:
    def __init__(self, source: Path, selection: Selection, output: Path | None, follow_links: bool) -> None:
        self._root = Path(os.path.realpath(source))
        self._selection = selection
        self._follow_links = follow_links
        self._output = None if output is None else Path(os.path.realpath(output))
        own = self._root / _OWN_IGNORE_FILE
        self._own_patterns = _read_patterns(own) if own.is_file() else None
        self._listed: set[str] = set()  # files of distributions that were installed into the folder
        self._without_source: list[str] = []
        self._secrets: dict[str, str] = {}
        self._left_out: dict[str, str] = {}
        self._files: dict[str, Path] = {}

    def collect(self) -> SourceTree:
        ignored_by = tuple(_outer_ignore_files(self._root)) if self._own_patterns is None else ()
        self._add_folder(self._root, "", (self._root,), ignored_by, None)
        if self._secrets:
            names = ", ".join(f"{name} ({kind})" for name, kind in self._secrets.items())
            first = next(iter(self._secrets))
            raise PackagingError(
                f"these files look like secrets: {names}; leave them out with --exclude PATTERN, e.g. "
                f"--exclude {first}, or pack them with --include PATTERN"
            )
        warnings = []
        if self._without_source:
            warnings.append(f"bytecode without its source is excluded: {', '.join(self._without_source)}")
        return SourceTree(self._files, warnings, self._left_out)

    def _add_folder(
        self,
        folder: Path,
        prefix: str,
        within: tuple[Path, ...],
        ignored_by: tuple[_IgnoreFile, ...],
        left_out: tuple[str, str] | None,
    ) -> None:
        """Add a folder's files; `left_out` is the outermost folder that is left out, and the reason."""
        git_ignore = folder / _GIT_IGNORE_FILE
        if self._own_patterns is None and os.path.isfile(git_ignore):
            file = _IgnoreFile(prefix + _GIT_IGNORE_FILE, _read_patterns(git_ignore), prefix, False)
            ignored_by = (file, *ignored_by)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        records = [f"{prefix}{entry.name}/RECORD" for entry in entries if entry.name.endswith(".dist-info")]
        existing = [name for name in records if (self._root / name).is_file()]
        self._listed.update(*listed_files(existing, lambda name: (self._root / name).read_bytes()).values())
        for entry in entries:
            name, path = f"{prefix}{entry.name}", Path(entry.path)
            is_folder = path.is_dir()
            shown = f"{name}/" if is_folder else name
            if self._is_never_packed(path, is_folder):
                continue
            because = left_out
            if because is None and (reason := self._reason(shown, path, ignored_by)) is not None:
                because = (shown, reason)
            if because is not None and not self._may_contain_included(shown, path):
                if because[1]:
                    self._left_out[because[0]] = because[1]
                continue
            self._add(name, path, within, ignored_by, because)

    def _add(
        self,
        name: str,
        path: Path,
        within: tuple[Path, ...],
        ignored_by: tuple[_IgnoreFile, ...],
        left_out: tuple[str, str] | None,
    ) -> None:
        real = Path(os.path.realpath(path))
        if path.is_symlink():
            if not path.exists():
                raise PackagingError(f"the link {name} leads nowhere; remove it, or exclude it: --exclude {name}")
            if not self._follow_links and not real.is_relative_to(self._root):
                raise PackagingError(
                    f"the link {name} leads out of the folder, to {real}; follow such links with --follow-links, put a "
                    f"copy there, or leave it out: --exclude {name}"
                )
        if path.is_dir():
            if real in within:
                raise PackagingError(f"the link {name} leads back to its own folder; exclude it: --exclude {name}")
            self._add_folder(path, f"{name}/", (*within, real), ignored_by, left_out)
        elif path.is_file():
            self._add_file(name, path)
        else:
            raise PackagingError(f"{name} is neither a file nor a folder; exclude it: --exclude {name}")

    def _add_file(self, name: str, path: Path) -> None:
        is_wanted = self._selection.includes(name) or self._own_decision(name) is False
        if path.suffix == ".pyc" and not is_wanted:
            self._without_source.append(name)
        elif not (is_wanted or name in self._listed) and (
            secret := secret_in(name, path.stat().st_size, path.read_bytes)
        ):
            self._secrets[name] = secret
        else:
            self._files[name] = path

    def _own_decision(self, name: str) -> bool | None:
        return None if self._own_patterns is None else self._own_patterns.decide(name)

    def _is_never_packed(self, path: Path, is_folder: bool) -> bool:
        """Return whether it is the output, or bytecode that Python does not import without its source."""
        if path.suffix == ".pyc" and path.with_suffix(".py").exists():
            return True
        return (is_folder and path.name == "__pycache__") or self._is_output(path)

    def _may_contain_included(self, shown: str, path: Path) -> bool:
        """Return whether something that is left out is included after all, or has files for which this may be so."""
        if shown.endswith("/"):
            return self._selection.has_exceptions and not path.is_symlink()
        return self._selection.includes(shown)

    def _reason(self, shown: str, path: Path, ignored_by: tuple[_IgnoreFile, ...]) -> str | None:
        """Return why a file or a folder is left out, "" if the user excludes it; None if it is packed."""
        if self._selection.excludes(shown):
            return ""
        if (decision := self._own_decision(shown)) is not None:
            return f"named in {_OWN_IGNORE_FILE}" if decision else None
        if is_of_tool(path.name):
            return "of tools"
        if shown.endswith("/") and any((path / name).exists() for name in _ENVIRONMENTS):
            return "virtual environment"
        for file in ignored_by:
            if (decision := file.decide(shown)) is not None:
                return f"named in {file.name}" if decision else None
        return None

    def _is_output(self, path: Path) -> bool:
        output = self._output
        if output is None or not (path.name == output.name or is_unfinished(path.name, output.name)):
            return False
        return os.path.realpath(path.parent) == str(output.parent)


def _outer_ignore_files(root: Path) -> Iterator[_IgnoreFile]:
    """Yield the files of the folders above, up to the repository, unless they ignore the folder itself."""
    repository = next((folder for folder in root.parents if (folder / ".git").exists()), None)
    if repository is None or (root / ".git").exists():
        return
    above = [folder for folder in root.parents if folder.is_relative_to(repository)]
    files = [
        _IgnoreFile(str(folder / _GIT_IGNORE_FILE), _read_patterns(folder / _GIT_IGNORE_FILE), way, True)
        for folder in above
        if (folder / _GIT_IGNORE_FILE).is_file() and (way := f"{root.relative_to(folder).as_posix()}/")
    ]
    if next((decision for file in files if (decision := file.decide("")) is not None), False):
        return
    yield from files


def _read_patterns(file: Path) -> Patterns:
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return Patterns(line for line in lines if is_valid(line))
