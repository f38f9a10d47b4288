"""The runtime in a folder as it is deployed: with sources and their bytecode, or with bytecode alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from awslambdaric_lite.packaging.bytecode import cache_path, compile_sources
from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.start_file import package_start_file

PACKAGE = "awslambdaric_lite"
VERSION = "{}.{}".format(*sys.version_info)
INTERPRETER = Path(sys.executable)
START = f"{PACKAGE}/start-{VERSION}.pyc"
MAIN = f"{PACKAGE}/__main__.py"


def start(at: Path | str, *, sourceless: bool = False) -> dict[str, bytes]:
    """Return the files that start the runtime in a folder."""
    sources = runtime_sources()
    return package_start_file(sources, INTERPRETER, version=VERSION, at=str(at), sourceless=sourceless)


def deploy(folder: Path, *, sourceless: bool = False, at: str | None = None) -> Path:
    """Write package and start file to a folder, with its paths or those of `at`; return the folder."""
    place = at or str(folder)
    sources = runtime_sources()
    result = compile_sources({name: (source, f"{place}/{name}") for name, source in sources.items()}, INTERPRETER)
    assert not result.failures
    files = {f"{name}c" if sourceless else cache_path(name, VERSION): data for name, data in result.bytecode.items()}
    files |= start(place, sourceless=sourceless) | ({} if sourceless else sources)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (0, 0))  # no date of a packed file
    return folder
