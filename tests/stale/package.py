"""An installed package with pip's records, whose dates a packager has reset."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import py_compile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RESET = 315532800  # 1980-01-01, the date that zip files and build tools write


def install(root: Path, sources: Mapping[str, str], name: str = "package-1.0", *, list_bytecode: bool = True) -> None:
    """Write modules, compile them, record them as pip does, and reset their dates."""
    lines = []
    for relative, source in sources.items():
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        cached = Path(py_compile.compile(str(path), doraise=True, invalidation_mode=_BY_DATE) or "")
        content = path.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        lines.append(f"{relative},sha256={digest},{len(content)}")
        if list_bytecode:
            lines.append(f"{cached.relative_to(root)},,")
        os.utime(path, (RESET, RESET))
    record = root / f"{name}.dist-info" / "RECORD"
    record.parent.mkdir(parents=True, exist_ok=True)
    lines.append(f"{name}.dist-info/RECORD,,")
    record.write_text("\r\n".join(lines) + "\r\n")


def bytecode(path: Path) -> Path:
    """Return the path of a source's bytecode."""
    return Path(importlib.util.cache_from_source(str(path)))


@contextmanager
def edited(path: Path) -> Iterator[bytearray]:
    """Change a file, and keep its dates."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    yield content
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


_BY_DATE = py_compile.PycInvalidationMode.TIMESTAMP
