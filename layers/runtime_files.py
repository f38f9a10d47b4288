"""The runtime as a layer has it: modules as bytecode where there is an interpreter to compile them, else as sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import awslambdaric_lite
from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.bytecode import compile_sources
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.targets import Target

from .layer import MOUNTED_AT, Component
from .vendored import FOLDER, vendored_orjson

_VENDOR_MODULE = b'"""What a layer brings for the runtime alone."""\n'


@dataclass(frozen=True)
class RuntimeFiles:
    """Members of a layer, what they are, and what there is to say."""

    members: list[Member]
    components: list[Component]
    notes: list[str]


def own_component() -> Component:
    """The runtime itself, for the bill of materials."""
    version = awslambdaric_lite.__version__
    return Component("awslambdaric-lite", version, f"pkg:pypi/awslambdaric-lite@{version}", "Apache-2.0")


def not_precompiled(target: Target) -> str:
    """What there is to say where there was no interpreter of the version."""
    return (
        f"no interpreter of Python {target.python} is at hand, so its bytecode is not precompiled: each cold start"
        " compiles the sources; name an interpreter with --interpreter"
    )


def runtime_files(
    target: Target,
    at: str,
    *,
    interpreter: Path | None,
    orjson: bool,
    wheels: Path | None,
    glibc: tuple[int, int] | None = None,
) -> RuntimeFiles:
    """Return the package `awslambdaric_lite` for a folder of the layer, such as `python/lib/python3.13/site-packages`.

    With an interpreter each module is a `.pyc` in the place of its source, which nothing needs at run time; without
    one they are sources, and a note says so. orjson lies in `awslambdaric_lite._vendor`.

    Raises:
        PackagingError: a module does not compile, or orjson is wanted and cannot be had.
    """
    vendored = vendored_orjson(target, wanted=orjson, wheels=wheels, glibc=glibc)
    sources = runtime_sources()
    if vendored.files:
        sources[f"{FOLDER}/__init__.py"] = _VENDOR_MODULE
    members = [Member(f"{at}/{name}", content) for name, content in vendored.files.items()]
    notes = list(vendored.notes)
    if interpreter is None:
        members += [Member(f"{at}/{name}", source) for name, source in sources.items()]
        notes.append(not_precompiled(target))
    else:
        jobs = {f"{at}/{name}": (source, f"{MOUNTED_AT}/{at}/{name}") for name, source in sources.items()}
        compiled = compile_sources(jobs, interpreter, strip_docstrings=True)
        for name, reason in compiled.failures.items():
            raise PackagingError(f"{name} does not compile under {interpreter}: {reason}; name another interpreter")
        members += [Member(f"{name}c", bytecode) for name, bytecode in compiled.bytecode.items()]
    return RuntimeFiles(members, [own_component(), *vendored.components], notes)
