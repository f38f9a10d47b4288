"""The modules that run inside Lambda, the same for functions and for layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .errors import PackagingError

_PACKAGE = Path(__file__).parents[1]
_ANY_VERSION = b"\nlite_version=3\n"
_FOR_CHECKERS_ONLY = {"_types.py"}  # imported under `TYPE_CHECKING`


def runtime_sources() -> dict[str, bytes]:
    """Return the sources of the runtime by their names, e.g. `awslambdaric_lite/_runtime.py`.

    These are the private modules and those that handlers import, not the tools: command line, local Lambda, events,
    examples, packaging, pytest plugin.
    """
    return {path.relative_to(_PACKAGE.parent).as_posix(): path.read_bytes() for path in runtime_files(_PACKAGE)}


def runtime_files(package: Path) -> list[Path]:
    """Return the files of a folder `awslambdaric_lite` that run inside Lambda."""
    paths = [*package.glob("_*.py"), *package.glob("_[!_]*/*.py"), package / "types.py"]
    return [path for path in sorted(paths) if path.name not in _FOR_CHECKERS_ONLY]


def bootstrap_script(version: str | None = None, files: Mapping[str, str] | None = None) -> bytes:
    """Return the shell script that `provided.*` starts, from the installed package or from the checkout.

    Args:
        version: the version of Python of the start file, e.g. `3.13`. The script prefers it to other `python3`.
        files: names of files in the package, by variables that name them to the runtime. The script sets these
            variables, unless the function has them.

    Raises:
        PackagingError: neither has the script.
    """
    for path in (Path(__file__).with_name("bootstrap"), _PACKAGE.parent / "bootstrap"):
        if path.is_file() and (script := path.read_bytes()).startswith(b"#!/bin/sh") and b"awslambdaric_lite" in script:
            line = f"\nlite_version={version or 3}\n"
            line += "".join(f'export {name}="${{{name}-$lite_here/{file}}}"\n' for name, file in (files or {}).items())
            return script.replace(_ANY_VERSION, line.encode())
    raise PackagingError("this installation of awslambdaric-lite has no bootstrap script; install its wheel again")
