"""Where the code of functions and layers lies on this machine, with a function's requirements."""

from __future__ import annotations

import platform
import zipfile
from pathlib import Path
from typing import Any

from ..common.json_text import compact
from ..packaging.errors import PackagingError
from ..packaging.targets import PYTHON_VERSIONS, Target
from .cache import digest, kept_folder
from .errors import Problem
from .options import ProjectOptions
from .resource_types import properties_of
from .stack import Stack

_ASSET = "aws:asset:path"
_ASSET_PROPERTY = "aws:asset:property"


def find_code(stack: Stack, resource: dict[str, Any], runtime: str) -> Path:
    """Return the folder or the zip file with the code of a function.

    Raises:
        Problem: it is not on this machine; the text has the cure.
    """
    code = properties_of(resource).get("Code")
    if isinstance(code, dict) and isinstance(text := code.get("ZipFile"), str | dict):
        return _inline(stack.resolve(text), runtime)
    if isinstance(code, dict) and "ImageUri" in code:
        raise Problem("it is a container image, which cannot run here; give it a folder as its code")
    return find_content(stack, resource, "Code")


def find_content(stack: Stack, resource: dict[str, Any], name: str) -> Path:
    """Return the local file or folder that a property names, by its path or as an asset of a cloud assembly.

    Raises:
        Problem: it is not on this machine; the text has the cure.
    """
    metadata = resource.get("Metadata")
    if isinstance(metadata, dict) and metadata.get(_ASSET_PROPERTY, name) == name and _ASSET in metadata:
        return _existing(stack, metadata[_ASSET])
    value = stack.resolve(properties_of(resource).get(name))
    if isinstance(value, dict):
        key = value.get("S3Key", value.get("Key"))
        if isinstance(key, str) and (asset := stack.assets.get(key)) is not None:
            return _existing(stack, str(asset))
        raise Problem(f"its {name} is in S3 ({compact(value)}); give it a local path")
    if not isinstance(value, str) or not value:
        raise Problem(f"it has no {name}; give it a local path")
    if value.startswith(("s3:", "http:", "https:")):
        if (asset := stack.assets.get(value.rpartition("/")[2])) is not None:
            return _existing(stack, str(asset))
        raise Problem(f"its {name} is in S3 ({value}); give it a local path")
    return _existing(stack, value)


def _existing(stack: Stack, path: str) -> Path:
    found = stack.folder / path
    if not found.exists():
        raise Problem(f"{found} does not exist; correct the path, or build the project")
    return found.resolve()


def _inline(text: Any, runtime: str) -> Path:
    if not isinstance(text, str):
        raise Problem("its ZipFile is not text; write the code as text")
    name = "index.mjs" if runtime.startswith("nodejs") and text.lstrip().startswith("import ") else "index.js"
    name = name if runtime.startswith("nodejs") else "index.py"
    return kept_folder("inline", digest(name, text), lambda folder: _write(folder / name, text))


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def has_file(code: Path, names: list[str]) -> bool:
    """Return whether a folder or a zip file has one of some files."""
    if code.is_dir():
        return any((code / name).is_file() for name in names)
    try:
        with zipfile.ZipFile(code) as archive:
            return not set(names).isdisjoint(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return True  # the local Lambda says what is wrong with it


def requirements_layer(code: Path, runtime: str, options: ProjectOptions) -> Path | None:
    """Return a layer with the requirements of code that is not built, installed once for each version of Python.

    None if the code needs none: it has no `requirements.txt`, or it is built, so that its packages lie in it.

    Raises:
        Problem: they cannot be installed; the text has the cure.
    """
    file = code / "requirements.txt"
    version = runtime.removeprefix("python")
    is_built = any(code.glob("*.dist-info")) or ".aws-sam" in code.parts
    if not file.is_file() or is_built or version not in PYTHON_VERSIONS:
        return None
    from ..packaging.requirement_sources import read_requirements  # takes long to load, and few starts install
    from ..packaging.wheels import install_requirements

    try:
        target = Target.parse(version, platform.machine())
        wanted = read_requirements(file, target)
        if not wanted.requirements:
            return None
        changes = [_changed(each.location) for each in wanted.requirements]
        name = digest(repr(wanted), changes, version, target.arch)

        def fill(folder: Path) -> None:
            options.say(f"installing {file} for Python {version}")
            install_requirements(file, folder / "python" / "lib" / runtime / "site-packages", target)

        return kept_folder("requirements", name, fill)
    except PackagingError as error:
        raise Problem(f"its requirements cannot be installed: {error}") from None


def _changed(location: str) -> int:
    """Return when a local requirement changed last."""
    try:
        return Path(location).stat().st_mtime_ns if location.startswith("/") else 0
    except OSError:
        return 0
