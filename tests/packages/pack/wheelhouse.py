"""Small wheels, so that tests download and build nothing."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

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


def _encoded(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _record_line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"
