"""Wheels of projects that have none: built from source, by code that does not get this machine's credentials.

A folder, an archive or a repository that the requirements name, and a source distribution of the index, become a wheel
for every platform (`none-any`), or are refused: code for this machine's processor is not code for Lambda's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..common import toml_text
from .errors import PackagingError
from .index_settings import without_credentials
from .package_index import IndexFile, PackageIndex
from .requirement_lines import Requirement, file_name, is_version_control, read_text

_WORKER = Path(__file__).with_name("build_worker.py")
_LEGACY = ("setuptools.build_meta:__legacy__", ["setuptools>=40.8", "wheel"])  # the default of PEP 517
_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "SOURCE_DATE_EPOCH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_KEPT_BEGINNINGS = ("LC_", "SETUPTOOLS_SCM_PRETEND_VERSION")
_NO_COMPILER = "no-compiler"  # a program that does not exist, which the message of a build shows
_LEFT_OUT = ("build", "*.egg-info", "__pycache__", ".venv", "venv", "node_modules", ".tox", ".nox", ".mypy_cache")


@dataclass(frozen=True)
class BuildPolicy:
    """The projects that may be built from source: all of them, or those of `names`, in their normal form."""

    all_projects: bool = True
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, values: Sequence[str]) -> BuildPolicy:
        """Parse the values of `--build`.

        Raises:
            PackagingError: they contradict each other, or one is not a name.
        """
        if invalid := [value for value in values if not re.fullmatch(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", value)]:
            raise PackagingError(f"--build {invalid[0]}: not the name of a project; use a name, all or none")
        if len(values) > 1 and set(values) & {"all", "none"}:
            raise PackagingError("--build all and --build none exclude other values; remove one of them")
        if not values or values[0] == "all":
            return cls()
        return cls(False, frozenset(normal_name(value) for value in values if value != "none"))

    def check(self, name: str, what: str) -> None:
        """Refuse to build a project that the options do not name.

        Raises:
            PackagingError: the project may not be built.
        """
        if not self.all_projects and normal_name(name) not in self.names:
            raise PackagingError(
                f"{what} has no wheel, and --build does not allow to build it from source; add --build {name}"
            )


BUILD_ALL = BuildPolicy()


def normal_name(name: str) -> str:
    """Return a project's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class SourceBuilder:
    """Builds wheels into a folder; `install` installs the build backends' requirements into another one."""

    def __init__(
        self,
        folder: Path,
        policy: BuildPolicy,
        index: PackageIndex,
        install: Callable[[Sequence[str], Path], None],
        progress: Callable[[str], None] | None,
    ) -> None:
        self.wheels = folder / "wheels"
        self.wheels.mkdir(parents=True)
        self._folder = folder
        self._policy = policy
        self._index = index
        self._install = install
        self._progress = progress
        self._backends: dict[tuple[str, ...], Path] = {}
        self._count = 0

    def build_requirement(self, requirement: Requirement) -> Path:
        """Build the folder, the archive or the repository that a requirement names, and return its wheel.

        Raises:
            PackagingError: it cannot be fetched or built, may not be built, or gives a wheel for one platform only.
        """
        location = requirement.location
        if is_version_control(location):
            name = requirement.name or urlsplit(location).path.rpartition("/")[2].partition("@")[0].removesuffix(".git")
            self._policy.check(name, f"requirement {name}")
            return self._build(self._clone(location), name)
        url, _, fragment = location.partition("#") if "://" in location else (location, "", "")
        if "://" not in url and not os.path.exists(url):
            raise PackagingError(f"requirement {url} does not exist; correct the path")
        if os.path.isdir(url):
            name = requirement.name or _project_name(Path(url))
            self._policy.check(name, f"requirement {url}")
            return self._build(self._copy(Path(url)), name)
        file = IndexFile(file_name(url), url)
        name = requirement.name or re.sub(r"-\d.*", "", file.name)
        self._policy.check(name, f"requirement {file.name}")
        hashes = (
            *requirement.hashes,
            *(f"{kind}:{value}" for kind, value in re.findall(r"(?:^|&)(sha\d+)=(\w+)", fragment)),
        )
        return self._build(_below(self._unpack(file, hashes), fragment), name)

    def build_file(self, file: IndexFile, name: str, hashes: Sequence[str] = ()) -> Path:
        """Build a source distribution of the index, and return its wheel.

        Raises:
            PackagingError: it cannot be fetched or built, may not be built, or gives a wheel for one platform only.
        """
        self._policy.check(name, f"{name} {file.version}")
        return self._build(self._unpack(file, hashes), f"{name} {file.version}")

    def _build(self, source: Path, name: str) -> Path:
        if self._progress is not None:
            self._progress(f"Building {name} from source")
        backend, backend_path, requires = _build_system(source, name)
        dependencies = self._backend(requires, name)
        out = self._new_folder()
        job = {"backend": backend, "backend_path": backend_path, "dependencies": str(dependencies), "arguments": []}
        more = self._call(source, name, {**job, "hook": "get_requires_for_build_wheel"})
        if more:
            job["dependencies"] = str(self._backend([*requires, *more], name))
        built = self._call(source, name, {**job, "hook": "build_wheel", "arguments": [str(out)]})
        wheel = out / os.path.basename(str(built))
        if not wheel.name.endswith("-none-any.whl"):
            raise PackagingError(
                f"requirement {'-'.join(wheel.name.split('-')[:2])} was built for this machine, not for Lambda "
                f"({wheel.name}); build its wheel for manylinux, and give its folder with --find-links"
            )
        return Path(shutil.move(wheel, self.wheels / wheel.name))

    def _backend(self, requires: Sequence[str], name: str) -> Path:
        key = tuple(requires)
        if key not in self._backends:
            folder = self._new_folder()
            if requires:
                try:
                    self._install(requires, folder)
                except PackagingError as error:
                    raise PackagingError(f"{name} cannot be built from source: {error}") from None
            self._backends[key] = folder
        return self._backends[key]

    def _call(self, source: Path, name: str, job: dict[str, Any]) -> Any:
        result = self._new_folder() / "result.json"
        home = self._new_folder()
        job["result"] = str(result)
        environment = {
            key: value for key, value in os.environ.items() if key in _KEPT or key.startswith(_KEPT_BEGINNINGS)
        }
        backends = [str(source / each) for each in job["backend_path"]]
        environment |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONIOENCODING": "utf-8:replace"}
        # An optional extension module is left out; another one fails before it is compiled for this machine.
        environment |= {"CC": _NO_COMPILER, "CXX": _NO_COMPILER}
        # A backend may start this interpreter again, e.g. for setup.py.
        environment["PYTHONPATH"] = os.pathsep.join([*backends, job["dependencies"]])
        environment["PATH"] = os.pathsep.join([f"{job['dependencies']}/bin", environment.get("PATH", os.defpath)])
        done = subprocess.run(
            [sys.executable, "-S", "-s", "-B", str(_WORKER), json.dumps(job)],
            cwd=source,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
            reason = lines[-1] if lines else f"exit status {done.returncode}"
            raise PackagingError(
                f"{name} has no wheel and cannot be built from source: {reason}; build its wheel for Lambda, and give "
                "its folder with --find-links"
            )
        return json.loads(result.read_text(encoding="utf-8"))

    def _copy(self, source: Path) -> Path:
        """Copy a folder, as backends write into the folder that they build."""
        into = self._new_folder() / source.name
        try:
            shutil.copytree(source, into, ignore=shutil.ignore_patterns(*_LEFT_OUT), ignore_dangling_symlinks=True)
        except (OSError, shutil.Error) as error:
            raise PackagingError(f"requirement {source} cannot be read: {error}; check its permissions") from None
        return into

    def _unpack(self, file: IndexFile, hashes: Sequence[str]) -> Path:
        path = self._index.download(file, self._new_folder())
        data = path.read_bytes()
        known = [kind_and_value.partition(":") for kind_and_value in hashes]
        if known and not any(hashlib.new(kind, data).hexdigest() == value for kind, _, value in known):
            raise PackagingError(
                f"{file.name} does not match the hash in the requirements; find out why before you correct the hash"
            )
        into = self._new_folder()
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:  # which removes `..` and roots from names
                    archive.extractall(into)  # nosec B202
            else:
                with tarfile.open(path) as tar:
                    tar.extractall(into, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # type: ignore[arg-type]  # nosec B202
        except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise PackagingError(
                f"{file.name} is not a source distribution ({error}); correct the requirement"
            ) from None
        inside = [each for each in into.iterdir() if each.is_dir()]
        return inside[0] if len(inside) == 1 and not (into / "pyproject.toml").exists() else into

    def _clone(self, location: str) -> Path:
        kind, _, url = location.partition("+")
        if kind != "git":
            raise PackagingError(
                f"requirement {location}: {kind} repositories are unsupported; require a folder or git"
            )
        parts = urlsplit(url)
        path, at, reference = parts.path.rpartition("@")
        address = parts._replace(path=path if at else parts.path, fragment="").geturl()
        shown = without_credentials(location)
        into = self._new_folder() / "repository"
        steps = [["clone", "--quiet", address, str(into)]]
        steps += [["-C", str(into), "checkout", "--quiet", reference]] if at else []
        steps += [["-C", str(into), "submodule", "--quiet", "update", "--init", "--recursive"]]
        for step in steps:
            try:
                done = subprocess.run(
                    ["git", *step],
                    env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            except FileNotFoundError:
                raise PackagingError(f"requirement {shown} needs git, which is missing; install git") from None
            if done.returncode:
                reason = " ".join(done.stderr.replace(address, without_credentials(address)).split())
                raise PackagingError(f"requirement {shown} cannot be fetched: {reason}; correct its address")
        return _below(into, parts.fragment)

    def _new_folder(self) -> Path:
        self._count += 1
        folder = self._folder / f"build-{self._count}"
        folder.mkdir()
        return folder


def _below(source: Path, fragment: str) -> Path:
    found = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
    return source / unquote(found[1]) if found is not None else source


def _build_system(source: Path, name: str) -> tuple[str, list[str], list[str]]:
    """Return the backend, its folders in the project, and its requirements."""
    file = source / "pyproject.toml"
    if not file.is_file():
        if not (source / "setup.py").is_file():
            raise PackagingError(f"{name} has neither pyproject.toml nor setup.py; require a project that can be built")
        return _LEGACY[0], [], list(_LEGACY[1])
    try:
        system = toml_text.parse(read_text(file, "file")).get("build-system", {})
        backend = system.get("build-backend")
        requires = list(system.get("requires", _LEGACY[1]))
        return backend or _LEGACY[0], list(system.get("backend-path", [])), requires
    except (ValueError, AttributeError, TypeError) as error:
        raise PackagingError(f"{name}: its pyproject.toml cannot be read: {error}; correct it") from None


def _project_name(source: Path) -> str:
    try:
        name = toml_text.parse(read_text(source / "pyproject.toml", "file"))["project"]["name"]
    except (PackagingError, ValueError, LookupError, TypeError):
        return source.name
    return str(name)
