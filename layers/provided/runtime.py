"""The runtime in this layer: in one piece, and with the module that makes way for wrappers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.bundle import bundle
from awslambdaric_lite.packaging.bytecode import compile_sources
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.targets import Target
from layers.layer import MOUNTED_AT
from layers.runtime_files import RuntimeFiles, not_precompiled, runtime_files

from . import launcher
from .libraries import GLIBC


def site_packages(target: Target) -> str:
    """Where the package lies in the layer: a place that Lambda documents, so that functions import from it, too."""
    return f"python/lib/python{target.python}/site-packages"


def runtime(target: Target, compiler: Path | None, *, orjson: bool, wheels: Path | None) -> RuntimeFiles:
    """Return the package; bytecode, if there is something to compile it, else sources.

    Its notes do not say that nothing is precompiled: that is said of the whole layer.

    Raises:
        PackagingError: a module does not compile, or orjson is wanted and cannot be had.
    """
    at = site_packages(target)
    glibc = None if target.glibc == GLIBC else GLIBC
    files = runtime_files(target, at, interpreter=compiler, orjson=orjson, wheels=wheels, glibc=glibc)
    wrapper = _wrapper_module(f"{at}/{launcher.PACKAGE}/{launcher.WRAPPER_MODULE}", compiler)
    members = files.members if compiler is None else list(_in_one_piece(files.members, at, compiler))
    notes = [note for note in files.notes if note != not_precompiled(target)]
    return RuntimeFiles([*members, wrapper], files.components, notes)


def _in_one_piece(members: list[Member], at: str, compiler: Path) -> Iterator[Member]:
    """Move the modules that each start needs into one file: a third of what the runtime costs a cold start."""
    sources = runtime_sources()
    names = {f"{at}/{name}c": name for name in sources}
    bytecode = {names[member.name]: member.read() for member in members if member.name in names}
    yield from (member for member in members if member.name not in names)
    for name, content in bundle(sources, bytecode, compiler, package=launcher.PACKAGE).items():
        yield Member(f"{at}/{name}c", content)


def _wrapper_module(name: str, compiler: Path | None) -> Member:
    source = launcher.wrapper_source()
    if compiler is None:
        return Member(name, source)
    result = compile_sources({name: (source, f"{MOUNTED_AT}/{name}")}, compiler, strip_docstrings=True)
    if name in result.failures:
        raise PackagingError(f"{name} does not compile under {compiler}: {result.failures[name]}; name another")
    return Member(f"{name}c", result.bytecode[name])
