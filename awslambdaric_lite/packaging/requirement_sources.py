"""The file that declares a function's dependencies, in each format that Python projects use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..common import toml_text
from .errors import PackagingError
from .index_settings import uv_table_settings
from .requirement_lines import RequirementList, read_requirements_text, read_text
from .targets import Target
from .wheel_choice import best_wheel, lock_marker_holds, marker_holds

# In this order: what a file pins precedes what a file allows.
_FILES = ("requirements.txt", "pylock.toml", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml")
# Files that declare dependencies if they contain a word, and what to do about each.
_UNREADABLE = {
    "pdm.lock": ("package", "export it: pdm export --prod -o requirements.txt"),
    "Pipfile": ("packages", "lock it: pipenv lock"),
    "setup.cfg": ("install_requires", "write its dependencies to requirements.txt"),
    "setup.py": ("install_requires", "write its dependencies to requirements.txt"),
    "environment.yml": ("dependencies:", "write its packages to requirements.txt"),
}
_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")
_UV_TIMEOUT_S = 120


def find_requirements(folder: Path) -> Path | None:
    """Return the file that declares the dependencies of the function in a folder, or None.

    Raises:
        PackagingError: only a file that cannot be read declares them, or several lock files do.
    """
    for name in _FILES:
        if name == "pylock.toml":
            locks = sorted(path for path in folder.glob("pylock*.toml") if _PYLOCK.fullmatch(path.name))
            if folder / name in locks or len(locks) == 1:
                return folder / name if folder / name in locks else locks[0]
            if locks:
                names = " and ".join(path.name for path in locks)
                raise PackagingError(f"{folder} has {names}; choose one with --requirements")
        elif name == "pyproject.toml" and os.path.isfile(folder / "pdm.lock"):
            break
        elif os.path.isfile(folder / name) and (name != "pyproject.toml" or _declares(folder / name)):
            return folder / name
    for name, (word, _) in _UNREADABLE.items():
        if os.path.isfile(folder / name) and word in read_text(folder / name, "file"):
            raise _unreadable(folder / name)
    return None


def requirements_above(folder: Path) -> Path | None:
    """Return the file that declares the dependencies of the project around a folder, or None.

    Folders up to the repository's root are looked at, without a repository only the next one.
    """
    here = Path(os.path.abspath(folder))
    is_in_repository = any(os.path.exists(each / ".git") for each in (here, *here.parents))
    for parent in here.parents:
        if os.path.exists(here / ".git"):
            return None
        for name in _FILES:
            if os.path.isfile(parent / name) and (name != "pyproject.toml" or _declares(parent / name)):
                return parent / name
        if not is_in_repository:
            return None
        here = parent
    return None


def _unreadable(file: Path) -> PackagingError:
    cure = _UNREADABLE[file.name][1]
    return PackagingError(f"{file} declares dependencies that pack cannot read; {cure}, or use --no-requirements")


def _declares(file: Path) -> bool:
    """Return whether a `pyproject.toml` declares dependencies, readable or not."""
    document = _toml(file)
    project = _table(document, "project")
    if project.get("dependencies") or "dependencies" in project.get("dynamic", ()):
        return True
    return bool(_poetry_dependencies(document))


def read_requirements(file: Path, target: Target) -> RequirementList:
    """Read a file of any of the formats; a file with another name is a requirements file in pip's format.

    Raises:
        PackagingError: the file cannot be read, or declares what cannot be installed from it; the text has the cure.
    """
    result = RequirementList()
    folder = Path(os.path.abspath(file)).parent
    if file.name in _UNREADABLE:
        raise _unreadable(file)
    reader = _READERS.get("pylock.toml" if _PYLOCK.fullmatch(file.name) else file.name)
    if reader is None:
        if not os.path.isfile(file) and os.path.exists(file):
            folder = Path.cwd()  # names in a pipe are relative to the current folder
        read_requirements_text(read_text(file), folder, str(file), result)
        return result
    try:
        reader(file, folder, target, result)
    except (KeyError, TypeError, AttributeError) as error:
        raise PackagingError(f"{file} has an unknown format ({type(error).__name__}: {error}); write it anew") from None
    return result


def _read_pyproject(file: Path, folder: Path, target: Target, result: RequirementList) -> None:
    document = _toml(file)
    project = _table(document, "project")
    if "dependencies" in project.get("dynamic", ()):
        named = _table(document, "tool", "setuptools", "dynamic", "dependencies").get("file")
        if named:
            for name in [named] if isinstance(named, str) else named:
                read_requirements_text(read_text(folder / name), folder, str(folder / name), result)
            return
        raise PackagingError(
            f"{file} has dynamic dependencies, which only its build backend knows; write them to requirements.txt "
            "and use --requirements, or use --no-requirements"
        )
    if "dependencies" not in project and _poetry_dependencies(document):
        raise PackagingError(
            f"{file} has dependencies in Poetry's own format and no poetry.lock; lock them: poetry lock"
        )
    sources = _table(document, "tool", "uv", "sources")
    normal = {_normal(name): source for name, source in sources.items()}
    for dependency in project.get("dependencies", ()):
        name = re.match(r"[\w.-]*", dependency)
        source = normal.get(_normal(name[0]) if name else "")
        if source is None:
            result.add(dependency, folder)
        else:
            result.add(_from_uv_source(dependency, source, file), folder)
    result.settings |= uv_table_settings(_table(document, "tool", "uv"), folder)


def _from_uv_source(dependency: str, source: Any, file: Path) -> str:
    """Return a dependency with its source of `[tool.uv.sources]`."""
    parts = re.fullmatch(r"\s*([\w.-]+\s*(?:\[[^\]]*\])?)[^;]*(?:;(.*))?", dependency)
    if isinstance(source, Mapping) and parts is not None:
        marker = f" ; {parts[2].strip()}" if parts[2] else ""
        if "path" in source:
            return f"{parts[1]} @ {source['path']}{marker}"
        if "url" in source:
            return f"{parts[1]} @ {source['url']}{marker}"
        if "git" in source:
            reference = source.get("rev") or source.get("tag") or source.get("branch")
            at = f"@{reference}" if reference else ""
            below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
            return f"{parts[1]} @ git+{source['git']}{at}{below}{marker}"
        if "index" in source:
            return dependency
    raise PackagingError(f"{file}: the source of {dependency} in [tool.uv.sources] is read by uv only; run uv lock")


def _read_pylock(file: Path, folder: Path, target: Target, result: RequirementList) -> None:
    document = _toml(file)
    for package in document["packages"]:
        if "marker" in package and not lock_marker_holds(package["marker"], target, document.get("default-groups", ())):
            continue
        name = package["name"]
        if "directory" in package or "vcs" in package:
            result.add(f"{name} @ {_pylock_source(package)}", folder)
            continue
        wheels = {_file_name(wheel): wheel for wheel in package.get("wheels", ())}
        chosen = best_wheel(wheels, target)
        described = wheels[chosen] if chosen is not None else package.get("sdist") or package.get("archive")
        if described is None:
            raise PackagingError(
                f"{file}: {name} has no wheel for Python {target.python} on {target.arch}; lock it for that, too"
            )
        # The path of a lock file is used first (PEP 751).
        where = described["path"] if "path" in described else described["url"]
        hashes = tuple(f"{kind}:{value}" for kind, value in described.get("hashes", {}).items())
        result.add(f"{name} @ {where}", folder, hashes)


def _pylock_source(package: Mapping[str, Any]) -> str:
    if "directory" in package:
        return str(Path(package["directory"]["path"], package["directory"].get("subdirectory", "")))
    vcs = package["vcs"]
    below = f"#subdirectory={vcs['subdirectory']}" if "subdirectory" in vcs else ""
    return f"{vcs['type']}+{vcs.get('url') or vcs['path']}@{vcs['commit-id']}{below}"


def _file_name(described: Mapping[str, Any]) -> str:
    location = described.get("name") or described.get("path") or described["url"]
    return str(location).rpartition("/")[2].partition("#")[0]


def _read_uv_lock(file: Path, folder: Path, target: Target, result: RequirementList) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise PackagingError(
            f"{file} is read by uv, which is missing: install uv, or name the output of uv export with --requirements"
        )
    command = [uv, "export", "--project", str(folder), "--frozen", "--no-editable", "--no-emit-project", "--no-dev"]
    command += ["--format", "requirements-txt", "--no-header", "--no-progress"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_UV_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackagingError(f"{file}: uv export fails ({error}); export it, and use --requirements") from None
    if done.returncode:
        reason = " ".join(done.stderr.split()).removeprefix("error: ")
        raise PackagingError(f"{file}: uv export fails ({reason}); run uv lock, or use --requirements")
    read_requirements_text(done.stdout, folder, str(file), result)
    result.settings |= uv_table_settings(_table(_toml(folder / "pyproject.toml"), "tool", "uv"), folder)


def _read_poetry_lock(file: Path, folder: Path, target: Target, result: RequirementList) -> None:
    document = _toml(file)
    packages: dict[str, Any] = {}
    for package in _list(document.get("package", [])):
        # Where two versions of one package are locked, each is for its own versions of Python.
        if _python_fits(package.get("python-versions", ""), target):
            packages[_normal(package["name"])] = package
    project = folder / "pyproject.toml"
    if not os.path.isfile(project):
        raise PackagingError(f"{file} needs {project}, which names the dependencies; add it, or use --requirements")
    declared = _toml(project)
    roots: dict[str, Any] = dict(_poetry_dependencies(declared))
    for text in _table(declared, "project").get("dependencies", ()):
        parts = re.fullmatch(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?", text)
        if parts is not None:
            extras = [extra.strip() for extra in (parts[2] or "").split(",") if extra.strip()]
            roots[_normal(parts[1])] = {"markers": (parts[3] or "").strip(), "extras": extras}
    for name in _poetry_closure(roots, packages, target, file):
        package = packages[name]
        location = _poetry_source(package)
        files = package.get("files") or _table(document, "metadata", "files").get(package["name"], ())
        if location is not None:
            result.add(f"{package['name']} @ {location}", folder)
            continue
        source = package.get("source", {})
        if source.get("type") == "legacy":
            urls = result.settings.setdefault("extra-index-url", [])
            urls += [source["url"]] if source["url"] not in urls else []
        hashes = tuple(each["hash"] for each in files)
        result.add(f"{package['name']}=={package['version']}", folder, hashes)


def _poetry_closure(roots: Mapping[str, Any], packages: Mapping[str, Any], target: Target, file: Path) -> Sequence[str]:
    """Return the names of the packages that the roots need on the target, with the extras that they ask for."""
    found: dict[str, set[str]] = {}
    waiting = list(roots.items())
    while waiting:
        raw, wanted = waiting.pop()
        name = _normal(raw)
        for choice in wanted if isinstance(wanted, list) else [wanted]:
            details = choice if isinstance(choice, Mapping) else {}
            if not _poetry_applies(details, target):
                continue
            if name not in packages:
                raise PackagingError(f"{file} has no package {raw}; it is older than pyproject.toml: poetry lock")
            package = packages[name]
            is_new = name not in found
            extras = found.setdefault(name, set())
            fresh = {_normal(extra) for extra in details.get("extras", ())} - extras
            extras |= fresh
            dependencies = package.get("dependencies", {})
            if is_new:
                waiting += [(each, what) for each, what in dependencies.items() if not _is_optional(what)]
            for extra, names in package.get("extras", {}).items():
                if _normal(extra) in fresh:
                    needed = {_normal(re.match(r"[\w.-]*", each)[0]) for each in names}  # type: ignore[index]
                    waiting += [
                        (each, _required(what)) for each, what in dependencies.items() if _normal(each) in needed
                    ]
    return sorted(found)


def _is_optional(wanted: Any) -> bool:
    choices = wanted if isinstance(wanted, list) else [wanted]
    return all(isinstance(choice, Mapping) and choice.get("optional") for choice in choices)


def _required(wanted: Any) -> Any:
    """Return an optional dependency without the condition on its extra."""
    choices = wanted if isinstance(wanted, list) else [wanted]
    return [
        {**choice, "markers": re.sub(r"(\s*and\s*)?\(?extra == [\"'][^\"']*[\"']\)?", "", choice.get("markers", ""))}
        if isinstance(choice, Mapping)
        else choice
        for choice in choices
    ]


def _poetry_applies(details: Mapping[str, Any], target: Target) -> bool:
    marker = details.get("markers", "")
    if marker and not marker_holds(marker, target):
        return False
    wanted = details.get("python")
    return not wanted or _python_fits(str(wanted), target)


def _python_fits(wanted: str, target: Target) -> bool:
    """Return whether a condition on Python holds; a condition in Poetry's own form holds."""
    clauses = [clause.strip() for clause in wanted.split(",")]
    if not all(re.fullmatch(r"(<|<=|>|>=|==|!=|~=)\s*[\d.*]+", clause) for clause in clauses):
        return True
    return all(
        marker_holds(f"python_version {parts[1]} '{parts[2]}'", target)
        for clause in clauses
        if (parts := re.fullmatch(r"(\W+?)\s*([\d.*]+)", clause)) is not None
    )


def _poetry_source(package: Mapping[str, Any]) -> str | None:
    source = package.get("source", {})
    kind = source.get("type")
    if kind in ("directory", "file", "url"):
        return str(source["url"])
    if kind == "git":
        below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
        return f"git+{source['url']}@{source['resolved_reference']}{below}"
    return None


def _poetry_dependencies(document: Mapping[str, Any]) -> dict[str, Any]:
    declared = _table(document, "tool", "poetry", "dependencies")
    return {name: what for name, what in declared.items() if name.lower() != "python" and not _is_optional(what)}


def _read_pipfile_lock(file: Path, folder: Path, target: Target, result: RequirementList) -> None:
    try:
        document = json.loads(read_text(file))
    except ValueError as error:
        raise PackagingError(f"{file} is not JSON ({error}); lock it: pipenv lock") from None
    sources = _list(_table(document, "_meta").get("sources", []))
    for number, source in enumerate(sources):
        if source.get("name") != "pypi":  # whose place the index of this machine's settings takes
            key = "extra-index-url" if number else "index-url"
            result.settings.setdefault(key, []).append(os.path.expandvars(source["url"]))
    for name, package in document["default"].items():
        if "markers" in package and not marker_holds(package["markers"], target):
            continue
        extras = f"[{','.join(package['extras'])}]" if package.get("extras") else ""
        if "git" in package:
            below = f"#subdirectory={package['subdirectory']}" if "subdirectory" in package else ""
            result.add(f"{name}{extras} @ git+{package['git']}@{package['ref']}{below}", folder)
        elif (location := package.get("path") or package.get("file")) is not None:
            result.add(f"{name}{extras} @ {location}", folder, tuple(package.get("hashes", ())))
        else:
            result.add(f"{name}{extras}{package['version']}", folder, tuple(package.get("hashes", ())))


_READERS: dict[str, Callable[[Path, Path, Target, RequirementList], None]] = {
    "pyproject.toml": _read_pyproject,
    "pylock.toml": _read_pylock,
    "uv.lock": _read_uv_lock,
    "poetry.lock": _read_poetry_lock,
    "Pipfile.lock": _read_pipfile_lock,
}


def _toml(file: Path) -> dict[str, Any]:
    try:
        return toml_text.parse(read_text(file))
    except ValueError as error:
        raise PackagingError(f"{file} cannot be read: {error}; correct it") from None


def _table(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    here: Any = document
    for name in path:
        here = here.get(name, {}) if isinstance(here, Mapping) else {}
    return here if isinstance(here, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
