"""Requirements of a function, installed into a folder from wheels for Lambda."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from .errors import PackagingError
from .index_settings import Settings, machine_settings, merged
from .install_failures import MissingWheel, explain, newest_source
from .installed import check_installed, make_reproducible
from .installers import Installation, InstallerFailure, choose_installer, run_installer
from .package_index import PackageIndex
from .requirement_lines import Requirement, RequirementList, file_name, line_for, read_requirements_text
from .requirement_sources import read_requirements
from .source_builds import BUILD_ALL, BuildPolicy, SourceBuilder, normal_name
from .targets import Target, host_target
from .wheel_choice import marker_holds


def install_requirements(
    requirements: Path | Sequence[str],
    into: Path,
    target: Target,
    *,
    find_links: Path | None = None,
    no_index: bool = False,
    progress: Callable[[str], None] | None = None,
    installer: str = "auto",
    build: BuildPolicy = BUILD_ALL,
) -> None:
    """Install a file of requirements, in any of the known formats, or a list of them into a folder.

    The packages are those for the target, whose values markers get, too. Nothing is compiled to bytecode. Of this
    machine's settings those of the package index apply. `find_links` is a folder with more wheels, `no_index` disables
    the index. `progress` receives the current step, a line at a time. What has no wheel is built from source if the
    result is a wheel for every platform.

    Raises:
        PackagingError: the installer is missing, a requirement has no wheel for the target, does not match its hash,
            would be built for this machine, or cannot be installed for another reason.
    """
    program = choose_installer(installer, target)
    if isinstance(requirements, Path):
        wanted = read_requirements(requirements, target)
    else:
        wanted = RequirementList()
        read_requirements_text("\n".join(requirements), Path.cwd(), "requirements", wanted)
    settings = merged(machine_settings(), wanted.settings)
    if find_links is not None:
        settings = merged(settings, {"find-links": [str(find_links.absolute())]})
    if no_index:
        settings["no-index"] = ["1"]
    with tempfile.TemporaryDirectory() as folder:
        _Run(Path(folder), into, target, program, settings, build, progress).install(wanted)


class _Run:
    """One installation in a temporary folder."""

    def __init__(
        self,
        folder: Path,
        into: Path,
        target: Target,
        program: str,
        settings: Settings,
        build: BuildPolicy,
        progress: Callable[[str], None] | None,
    ) -> None:
        self._folder = folder
        self._into = into
        self._target = target
        self._program = program
        self._settings = settings
        self._progress = progress
        self._index = PackageIndex(settings)
        self._builder = SourceBuilder(folder / "builds", build, self._index, self._install_backend, progress)

    def install(self, wanted: RequirementList) -> None:
        """Install; build what has no wheel, one project after the other, until nothing is missing."""
        self._into.mkdir(parents=True, exist_ok=True)
        applying = [each for each in wanted.requirements if not each.marker or marker_holds(each.marker, self._target)]
        requirements = [self._with_wheel(each, wanted.from_source) for each in applying]
        if "require-hashes" in self._settings or any(each.hashes for each in requirements):
            self._settings = {**self._settings, "require-hashes": ["1"]}
            requirements = [self._pinned(_with_hash(each)) for each in requirements]
        if requirements:
            requirements = self._install(requirements, wanted.constraints)
            check_installed(requirements, self._into, self._target)
            make_reproducible(self._into, requirements)

    def _install(self, requirements: list[Requirement], constraints: Sequence[str]) -> list[Requirement]:
        built = set()
        while True:
            try:
                self._run([line_for(each) for each in requirements], constraints, self._into, self._target)
            except InstallerFailure as failure:
                problem = explain(failure, self._index, self._target, requirements)
                if not isinstance(problem, MissingWheel) or problem.source is None or problem.source in built:
                    raise problem from None
                built.add(problem.source)
                hashes = next(
                    (each.hashes for each in requirements if _project(each) == normal_name(problem.project)), ()
                )
                wheel = self._builder.build_file(problem.source, problem.project, hashes)
                requirements = [
                    replace(each, hashes=(*each.hashes, _hash_of(wheel)))
                    if each.hashes and _project(each) == normal_name(problem.project)
                    else each
                    for each in requirements
                ]
            else:
                return requirements

    def _with_wheel(self, requirement: Requirement, from_source: set[str]) -> Requirement:
        """Return a requirement that names a wheel instead of a folder, an archive or a repository."""
        if requirement.location:
            if file_name(requirement.location).endswith(".whl"):
                name = requirement.name or file_name(requirement.location).partition("-")[0]
                return replace(requirement, name=name)
            wheel = self._builder.build_requirement(requirement)
            extras = requirement.extras
        elif _project(requirement) in from_source:
            file = newest_source(requirement.text, self._index, self._target)
            wheel = self._builder.build_file(file, _project(requirement), requirement.hashes)
            found = re.search(r"\[.*?\]", requirement.text)
            extras = found[0] if found is not None else ""
        else:
            return requirement
        return Requirement("", wheel.name.partition("-")[0], extras, str(wheel), requirement.marker)

    def _pinned(self, requirement: Requirement) -> Requirement:
        """Return a requirement with the version of the file that has its hash: uv compares hashes of versions only."""
        if requirement.location or re.search(r"===?\s*[^\s*;]+\s*(;|$)", requirement.text):
            return requirement
        for file in self._index.files(_project(requirement)):
            if f"sha256:{self._index.digest(file)}" in requirement.hashes:
                before, semicolon, marker = requirement.text.partition(";")
                name = re.match(r"\s*[\w.-]+\s*(\[.*?\])?", before)
                assert name is not None
                return replace(requirement, text=f"{name[0].strip()}=={file.version} {semicolon}{marker}".strip())
        return requirement

    def _run(self, lines: Sequence[str], constraints: Sequence[str], into: Path, target: Target | None) -> None:
        """Start the installer for an empty folder."""
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        files = [self._folder / name for name in ("requirements.txt", "constraints.txt")]
        for file, content in zip(files, (lines, [*self._machine_constraints(), *constraints]), strict=True):
            file.write_text("".join(f"{line}\n" for line in content), encoding="utf-8")
        settings = merged(self._settings, {"find-links": [str(self._builder.wheels)]})
        if target is None:
            settings.pop("require-hashes", None)
        job = Installation(files[0], files[1], into, target, settings, self._folder)
        run_installer(self._program, job, self._progress)

    def _machine_constraints(self) -> list[str]:
        wanted = RequirementList()
        for file in self._settings.get("constraint", ()):
            read_requirements_text(f"-c {shlex.quote(file)}", self._folder, "pip's settings", wanted)
        return wanted.constraints

    def _install_backend(self, requires: Sequence[str], into: Path) -> None:
        """Install the wheels of a build backend for the running interpreter."""
        try:
            self._run(requires, (), into, None)
        except InstallerFailure as failure:
            raise explain(failure, self._index, host_target(), [Requirement(each) for each in requires]) from None


def _project(requirement: Requirement) -> str:
    """Return the normal name of a requirement's project, as far as the requirement names it."""
    found = re.match(r"[\w.-]*", requirement.text)
    return normal_name(requirement.name or (found[0] if found is not None else ""))


def _with_hash(requirement: Requirement) -> Requirement:
    """Return a requirement on a file with its hash, which installers want for all requirements or for none."""
    if requirement.hashes or not requirement.location.startswith("/"):
        return requirement
    return replace(requirement, hashes=(_hash_of(Path(requirement.location)),))


def _hash_of(file: Path) -> str:
    try:
        return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    except OSError as error:
        raise PackagingError(f"requirement {file} cannot be read: {error.strerror}; correct the path") from None
