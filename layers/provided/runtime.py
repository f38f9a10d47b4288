"""The runtime in this layer: bytecode, the start file, and the module that runs wrappers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.bytecode import compile_sources
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.start_file import package_start_file
from awslambdaric_lite.packaging.targets import Target
from layers.layer import MOUNTED_AT, Component, own_component
from layers.vendored import FOLDER, vendored_orjson

from . import launcher
from .libraries import GLIBC

_VENDOR_MODULE = b'"""Packages for the runtime alone."""\n'


def site_packages(target: Target) -> str:
    """Return the package's folder in the layer: Lambda documents it, so functions import from it, too."""
    return f"python/lib/python{target.python}/site-packages"


@dataclass(frozen=True)
class RuntimeFiles:
    """Members of the layer, their components, and notes."""

    members: list[Member]
    components: list[Component]
    notes: list[str]


def runtime(target: Target, compiler: Path | None, *, orjson: bool, wheels: Path | None) -> RuntimeFiles:
    """Return the package: as bytecode, or as sources if no interpreter compiles it.

    The notes do not mention missing bytecode, because those of the layer do. orjson is in
    `awslambdaric_lite._vendor`.

    Raises:
        PackagingError: a module does not compile, or orjson cannot be installed.
    """
    at = site_packages(target)
    glibc = None if target.glibc == GLIBC else GLIBC
    vendored = vendored_orjson(target, wanted=orjson, wheels=wheels, glibc=glibc)
    sources = runtime_sources() | {f"{launcher.PACKAGE}/{launcher.WRAPPER_MODULE}": launcher.wrapper_source()}
    if vendored.files:
        sources[f"{FOLDER}/__init__.py"] = _VENDOR_MODULE
    files = sources if compiler is None else _compiled(sources, at, target, compiler)
    members = [Member(f"{at}/{name}", content) for name, content in (files | vendored.files).items()]
    return RuntimeFiles(members, [own_component(), *vendored.components], vendored.notes)


def _compiled(sources: dict[str, bytes], at: str, target: Target, compiler: Path) -> dict[str, bytes]:
    folder = f"{MOUNTED_AT}/{at}"
    bootstrap = {f"{launcher.PACKAGE}/{launcher.BOOTSTRAP_MODULE}": launcher.bootstrap_module(target.python, at)}
    jobs = {name: (source, f"{folder}/{name}") for name, source in (sources | bootstrap).items()}
    result = compile_sources(jobs, compiler, strip_docstrings=True)
    for name, reason in result.failures.items():
        raise PackagingError(f"{name} does not compile under {compiler}: {reason}; name another interpreter")
    start = package_start_file(sources, compiler, version=target.python, at=folder, sourceless=True)
    return {f"{name}c": content for name, content in result.bytecode.items()} | start
