"""The standard library as bytecode.

The layer has bytecode alone (`os.pyc` in place of `os.py`): Python loads it with one system call less for each module,
and the layer is 9 MB smaller without sources. The price: stack traces show no source lines of the standard library, and
`inspect.getsource` fails on it. `--keep sources` packs both, in the usual places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from awslambdaric_lite.packaging.bytecode import cache_path, compile_sources
from awslambdaric_lite.packaging.targets import Target
from layers.layer import MOUNTED_AT


@dataclass(frozen=True)
class Modules:
    """Contents by names within the layer, and notes about them."""

    files: dict[str, bytes]
    notes: list[str]


def compile_modules(
    sources: Mapping[str, bytes], target: Target, compiler: Path | None, *, keep_sources: bool
) -> Modules:
    """Compile sources for their places in the layer, which are their names.

    Without an interpreter of the version they are packed as sources, with a note. So are sources that do not compile,
    e.g. some of Python's own tests.

    Raises:
        PackagingError: the interpreter cannot be run.
    """
    if compiler is None:
        note = f"not precompiled, because this machine has no CPython {target.python}: each cold start compiles what it"
        return Modules(dict(sources), [f"{note} imports; install one (python{target.python} on PATH) and build again"])
    result = compile_sources({name: (source, f"{MOUNTED_AT}/{name}") for name, source in sources.items()}, compiler)
    files = {name: sources[name] for name in result.failures}
    for name, bytecode in result.bytecode.items():
        if keep_sources:
            files[name] = sources[name]
            files[cache_path(name, target.python)] = bytecode
        else:
            files[f"{name}c"] = bytecode
    notes = [f"packed as source, because it does not compile: {name}" for name in sorted(result.failures)]
    return Modules(files, notes)
