"""The content of a function's package, and the choice between two files of the same name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from ..common.words import count, shorten_list
from .archive import Member
from .audit.platform_packages import PLATFORM_PACKAGES
from .bytecode import IMPORTABLE, cache_path, compile_sources
from .distributions import emptied, existing_files, finished_record, is_of, listed_files, project_name
from .errors import PackagingError
from .hosts import TASK_ROOT
from .import_bundle import BUNDLE_NAME, BUNDLE_VARIABLE
from .import_recording import LIST_NAME, LIST_VARIABLE, is_list, list_entries, list_text
from .module_uses import import_distances
from .prune import never_runs, only_runs_here
from .runtime import bootstrap_script, runtime_sources
from .selection import Selection
from .start_file import PACKAGE, package_start_file
from .strip_binaries import strip_members
from .targets import Target

_RUNTIME = f"{PACKAGE}/"
_PLATFORM_PROJECTS = frozenset(PLATFORM_PACKAGES.values())
_LONGEST_NAME = 255  # bytes of a file's name, `NAME_MAX` of Linux
_NAMED = 3  # of many files in a message


class FunctionContents:
    """The members of a function's package by their names, and warnings for the user."""

    def __init__(
        self,
        target: Target,
        selection: Selection | None = None,
        *,
        without_platform_packages: bool = False,
        warnings: Sequence[str] = (),
    ) -> None:
        """Begin an empty package.

        Args:
            target: where it will run.
            selection: what is excluded of all files but those of the runtime.
            without_platform_packages: whether to exclude installed packages that managed runtimes have.
            warnings: the first ones.
        """
        self.members: dict[str, Member] = {}
        self.warnings = list(warnings)
        self._target = target
        self._selection = selection or Selection()
        self._excluded_projects = _PLATFORM_PROJECTS if without_platform_packages else frozenset()
        self._has_excluded_projects = False
        self._own: set[str] = set()
        self._needed: list[str] = []
        self._runtime: dict[str, bytes] = {}
        self._start_version: str | None = None
        self._files: dict[str, str] = {}  # that `bootstrap` names to the runtime, by variables
        self.bytecode: dict[str, str] = {}  # of modules: the names of their sources

    def add_installed(self, installed: Mapping[str, Path], users: Mapping[str, Path], *, prune: bool) -> None:
        """Add installed files, except those for this machine alone; with `prune` also except those that never run."""
        dropped = only_runs_here(installed)
        if prune:
            dropped |= never_runs(installed, users)
        dropped = {name for name in dropped if name.endswith(".pyc") or not self._selection.includes(name)}
        fit = {name: path for name, path in installed.items() if name not in dropped}
        for name, path in self._selected(fit, fit).items():
            self.members[name] = _member(name, path)

    def add_own(self, files: Mapping[str, Path]) -> None:
        """Add the function's own files, which replace installed ones."""
        files = self._selected(files)
        if twice := [name for name in files if name in self.members]:
            self.warnings.append(
                f"{_some(twice)}: the file of the folder is packed, not that of the requirements; "
                "if both are installed packages, remove one or use --no-requirements"
            )
        self.members |= {name: _member(name, path) for name, path in files.items()}
        self._own = set(files)

    def _selected(self, files: Mapping[str, Path], before: Collection[str] | None = None) -> dict[str, Path]:
        """Return the files that are not excluded; the metadata of a distribution is excluded with its last module.

        Args:
            files: files by their names.
            before: the files before some were excluded; None if `files` has been chosen from those on disk.
        """
        listed = listed_files(files, lambda name: files[name].read_bytes())
        projects = {each for each in listed if project_name(each) in self._excluded_projects}
        self._has_excluded_projects |= bool(projects)
        excluded = {name for each in projects for name in listed[each]}
        kept = {
            name
            for name in files
            if self._selection.includes(name) or not (name in excluded or self._selection.excludes(name))
        }
        if before is None:
            before = existing_files(listed, files)
        for information in projects | emptied(listed, before, kept):
            kept -= {name for name in kept if is_of(name, information) and not self._selection.includes(name)}
        return {name: path for name, path in files.items() if name in kept}

    def warn_of_unused_options(self) -> None:
        """Warn of options that have matched nothing, when all files were added."""
        self.warnings += self._selection.warnings()
        if self._excluded_projects and not self._has_excluded_projects:
            self.warnings.append(
                "--without-platform-packages excludes nothing: no requirement is in the managed runtimes"
            )

    @property
    def installed(self) -> set[str]:
        """Return the names of the files of requirements."""
        return self.members.keys() - self._own - self._runtime.keys()

    def finish_records(self) -> None:
        """List in the `RECORD` of each distribution the files that are packed, when no file will be added any more."""
        for name in [name for name in self.members if name.endswith(".dist-info/RECORD")]:
            self.members[name] = Member(name, finished_record(name, self.members))

    def add_runtime(self) -> None:
        """Add the runtime, and `bootstrap`, which starts it."""
        if "bootstrap" in self.members:
            raise PackagingError("the package already has a bootstrap; remove it or --runtime")
        if others := [name for name in self.members if name.startswith(_RUNTIME)]:
            self.warnings.append(f"--runtime replaces {count(len(others), 'file')} of awslambdaric_lite in the package")
            for name in others:
                del self.members[name]
        self._runtime = runtime_sources()
        self.members |= {name: Member(name, content) for name, content in self._runtime.items()}
        self._write_bootstrap()

    def strip_binaries(self) -> None:
        """Replace binaries by smaller ones without symbols for debuggers."""
        self.members |= strip_members(self.members, self._target)

    def add_bytecode(self, interpreter: Path, *, needed: str | None = None, sources: bool = True) -> None:
        """Compile every module, and add the runtime's start file; without `sources` bytecode replaces importable ones.

        Raises:
            PackagingError: `needed` does not compile; other modules cause a warning.
        """
        self._needed = [] if needed is None else [needed]
        version = self._target.python
        jobs = {
            name: (member.read(), f"{TASK_ROOT}/{name}")
            for name, member in self.members.items()
            if name.endswith(".py")
        }
        result = compile_sources(jobs, interpreter)
        if needed in result.failures:
            raise PackagingError(f"{needed} does not compile: {result.failures[needed]}; correct it")
        if result.failures:
            failed = [f"{name} ({reason})" for name, reason in result.failures.items()]
            self.warnings.append(f"Python {version} cannot compile {_some(failed)}")
        excluded = 0
        for name, content in result.bytecode.items():
            is_sourceless = not sources and IMPORTABLE.fullmatch(name) is not None and not self._is_runtime(name)
            cached = f"{name}c" if is_sourceless else cache_path(name, version)
            # File systems do not allow longer names, and the interpreter does not look for them.
            if len(_last_part(cached)) > _LONGEST_NAME:
                continue
            if not self._is_runtime(name) and self._selection.excludes(cached):
                excluded += 1
                continue
            self.members[cached] = Member(cached, content)
            self.bytecode[cached] = name
            if is_sourceless:
                del self.members[name]
        if excluded:
            self.warnings.append(
                f"--exclude matches bytecode that was compiled for {count(excluded, 'module')}, which each cold start "
                "compiles without it"
            )
        if self._runtime:
            self._add_start(interpreter)

    def add_import_list(self, entries: Sequence[str]) -> None:
        """Add an import list, unless it would be empty."""
        if entries:
            self.members[LIST_NAME] = Member(LIST_NAME, list_text(entries).encode())

    def use_import_list(self) -> list[str]:
        """Let `bootstrap` name the import list to the runtime, if the package has both; return the list's entries."""
        content = self.members[LIST_NAME].read() if LIST_NAME in self.members else b""
        entries = list_entries(content) if is_list(content) else []
        if entries:
            self._name_to_runtime(LIST_VARIABLE, LIST_NAME)
        return entries

    def add_import_bundle(self, content: bytes) -> None:
        """Add an import bundle; `bootstrap` names it to the runtime, if the package has that."""
        self.members[BUNDLE_NAME] = Member(BUNDLE_NAME, content)
        self._name_to_runtime(BUNDLE_VARIABLE, BUNDLE_NAME)

    def without_runtime(self) -> list[Member]:
        """Return the members without the runtime and `bootstrap`."""
        return [member for name, member in self.members.items() if not self._is_runtime(name) and name != "bootstrap"]

    def _name_to_runtime(self, variable: str, file: str) -> None:
        self._files[variable] = file
        if self._runtime:
            self._write_bootstrap()

    def drop_bytecode(self, excess: int, size: Callable[[Member], int], limit: str) -> bool:
        """Drop the bytecode that helps least, of at least `excess` bytes by `size`; a warning names the limit.

        Modules that are far from the handler's, or from all of the function's own, come first, and large ones. Returns
        False, and drops nothing, if all bytecode has fewer bytes. Bytecode without source stays.
        """
        distances = import_distances(self.members, {*(self._needed or self._own), *self._runtime})
        unreached = len(self.members)

        def use(cached: str) -> tuple[int, int, str]:
            return -distances.get(self.bytecode[cached], unreached), -self.members[cached].size(), cached

        dropped = []
        for cached in sorted((cached for cached, name in self.bytecode.items() if name in self.members), key=use):
            if excess <= 0:
                break
            excess -= size(self.members[cached])
            dropped.append(cached)
        if excess > 0:
            return False
        for cached in dropped:
            del self.members[cached]
        some = _some([self.bytecode.pop(cached) for cached in dropped])
        self.warnings.append(
            f"bytecode of {count(len(dropped), 'module')} is left out to stay below {limit}; cold starts compile the "
            f"modules that they import: {some}; exclude files, or replace sources with --no-sources"
        )
        return True

    def _is_runtime(self, name: str) -> bool:
        return bool(self._runtime) and name.startswith(_RUNTIME)

    def _add_start(self, interpreter: Path) -> None:
        self._start_version = self._target.python
        files = package_start_file(self._runtime, interpreter, version=self._start_version, at=TASK_ROOT)
        self.members |= {name: Member(name, content) for name, content in files.items()}
        self._write_bootstrap()

    def _write_bootstrap(self) -> None:
        content = bootstrap_script(self._start_version, self._files)
        self.members["bootstrap"] = Member("bootstrap", content, executable=True)


def _member(name: str, path: Path) -> Member:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise PackagingError(f"{name} cannot be read: {error.strerror}; check its permissions") from None
    return Member(name, path, executable=bool(mode & 0o111))


def _last_part(name: str) -> bytes:
    return name.rpartition("/")[2].encode()


def _some(texts: Sequence[str]) -> str:
    return shorten_list(texts, _NAMED)
