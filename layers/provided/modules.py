"""The standard library as bytecode.

Bytecode alone (`os.pyc` beside its package, where `os.py` would be) is what the layer has: it is loaded with one look
at the file system less for each module, and without sources 9 MB smaller. The price: stack traces show no source lines
of the standard library, and `inspect.getsource` fails on it. `--keep sources` packs both, in the usual places.
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
    """Contents by names within the layer, and what is to be said about them."""

    files: dict[str, bytes]
    notes: list[str]


def compile_modules(
    sources: Mapping[str, bytes], target: Target, compiler: Path | None, *, keep_sources: bool
) -> Modules:
    """Compile sources, named by their places in the layer, for the places where they will lie.

    Without an interpreter of the version to compile them they are packed as they are, which a note says. The same for
    those that do not compile, as some of the tests of Python itself are meant to.

    Raises:
        PackagingError: the interpreter cannot be run.
    """
    if compiler is None:
        note = f"not precompiled, for no CPython {target.python} is at hand to do it: each cold start compiles what it"
        return Modules(dict(sources), [f"{note} imports; install one (python{target.python} on PATH) and build again"])
    result = compile_sources({name: (source, f"{MOUNTED_AT}/{name}") for name, source in sources.items()}, compiler)
    files = {name: sources[name] for name in result.failures}
    for name, bytecode in result.bytecode.items():
        if keep_sources:
            files[name] = sources[name]
            files[cache_path(name, target.python)] = bytecode
        else:
            files[f"{name}c"] = bytecode
    notes = [f"packed as source, for it does not compile: {name}" for name in sorted(result.failures)]
    return Modules(files, notes)
