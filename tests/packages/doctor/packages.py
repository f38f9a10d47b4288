"""Packages to audit, and their findings."""

from __future__ import annotations

import calendar
import importlib.util
import marshal
import os
import platform
import stat
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from awslambdaric_lite.packaging.audit.findings import Finding
from awslambdaric_lite.packaging.audit.run import audit
from awslambdaric_lite.packaging.hosts import Host
from awslambdaric_lite.packaging.targets import Target

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TAG = f"cpython-{PYTHON.replace('.', '')}"
TARGET = Target.parse(PYTHON, platform.machine())
DATE = (2024, 5, 6, 7, 8, 10)
SECONDS = calendar.timegm((*DATE, 0, 0, 0))

Content = str | bytes


def make_zip(path: Path, files: Mapping[str, Content], *, modes: Mapping[str, int] | None = None) -> Path:
    """Write files with one date and a mode, by default 0644."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | (modes or {}).get(name, 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def make_folder(path: Path, files: Mapping[str, Content]) -> Path:
    """Write the same to a folder."""
    for name, data in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        os.utime(file, (SECONDS, SECONDS))
    return path


def pyc(source: str, kind: str = "unchecked", *, of: str | None = None, mtime: int = SECONDS) -> bytes:
    """Return bytecode of this interpreter: `unchecked`, `checked` or `dated`, of a source or with another's header."""
    claimed = (source if of is None else of).encode()
    if kind == "dated":
        header = bytes(4) + (mtime & 0xFFFFFFFF).to_bytes(4, "little") + len(claimed).to_bytes(4, "little")
    else:
        flags = 0b11 if kind == "checked" else 0b01
        header = flags.to_bytes(4, "little") + importlib.util.source_hash(claimed)
    return importlib.util.MAGIC_NUMBER + header + marshal.dumps(compile(source, "module.py", "exec"))


def cached(name: str, tag: str = TAG) -> str:
    """Return the interpreter's path of a source's bytecode."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}__pycache__/{file.removesuffix('.py')}.{tag}.pyc"


def compiled(sources: Mapping[str, str]) -> dict[str, Content]:
    """Return sources with valid bytecode."""
    found: dict[str, Content] = dict(sources)
    for name, source in sources.items():
        found[cached(name)] = pyc(source)
    return found


def findings(
    path: Path,
    target: Target = TARGET,
    *,
    handler: str | None = None,
    layers: Sequence[Path] = (),
    host: Host = "managed",
    variables: Mapping[str, str] | None = None,
    events: Sequence[bytes] = (),
) -> list[Finding]:
    """Return the findings, without the note about a missing --handler."""
    found = audit(path, target, handler=handler, layers=layers, host=host, variables=variables, events=events).findings
    return [each for each in found if handler or each.code != "imports-unchecked"]


def codes(found: Sequence[Finding]) -> list[tuple[str, str, str]]:
    """Return code, level and path of each finding."""
    return [(each.code, each.level, each.path) for each in found]
