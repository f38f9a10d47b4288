"""Small wheels, so that tests download and build nothing."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import shutil
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

# A build backend that needs nothing. The module that it builds has the environment variables of the build.
_BACKEND = """
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    wheel = "{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        information = "{name}-{version}.dist-info/"
        archive.writestr("{name}.py", f"VARIABLES = {{dict(os.environ)!r}}")
        metadata = "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{requires}"
        archive.writestr(information + "METADATA", metadata)
        archive.writestr(information + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        archive.writestr(information + "RECORD", "")
    return wheel
"""

needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing")
needs_pip = pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="pip is missing for this interpreter")


def add_wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str | bytes],
    *,
    version: str = "1.0",
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    commands: Mapping[str, str] | None = None,
    metadata: str = "",
) -> Path:
    """Write a wheel; `commands` are entry points (`name: module:function`), `metadata` more lines of METADATA."""
    folder.mkdir(exist_ok=True)
    information = f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
        + "".join(f"Requires-Dist: {requirement}\n" for requirement in requires),
        f"{information}/WHEEL": f"Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if commands:
        lines = "".join(f"{command} = {target}\n" for command, target in commands.items())
        content[f"{information}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    record = f"{information}/RECORD"
    lines = "".join(_record_line(path, _encoded(data)) for path, data in content.items())
    wheel = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in content.items():
            archive.writestr(path, _encoded(data))
        archive.writestr(record, f"{lines}{record},,\n")
    return wheel


def project_files(
    name: str, *, version: str = "1.0", tag: str = "py3-none-any", requires: Sequence[str] = ()
) -> dict[str, str]:
    """Return the files of a project that can be built without a network."""
    lines = "".join(f"Requires-Dist: {requirement}\\n" for requirement in requires)
    return {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n',
        "backend.py": _BACKEND.format(name=name, version=version, tag=tag, requires=lines),
    }


def add_project(folder: Path, name: str, **details: Any) -> Path:
    """Write the folder of a project."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in project_files(name, **details).items():
        (folder / file).write_text(text)
    return folder


def add_source_distribution(folder: Path, name: str, *, version: str = "1.0", **details: Any) -> Path:
    """Write a source distribution."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in project_files(name, version=version, **details).items():
            info = tarfile.TarInfo(f"{name}-{version}/{file}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def _encoded(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _record_line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"
