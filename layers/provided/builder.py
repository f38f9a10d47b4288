"""Build the layer from interpreter, standard library, runtime and bootstrap.

The content is held in memory, some 60 MB: an archive's temporary folder is removed before the layer is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.targets import Target
from layers.layer import Component, Layer, Where

from . import launcher, libraries
from .interpreter import Origin, open_compiler, open_interpreter
from .modules import compile_modules
from .runtime import runtime, site_packages
from .selection import SOURCES, check_keep, select


def build(
    target: Target,
    *,
    where: Where,
    interpreter: Path | None,
    keep: Sequence[str],
    wheels: Path | None,
    orjson: bool,
) -> Layer:
    """Build the layer for a version of Python and an architecture.

    Args:
        target: version of Python and architecture.
        where: `aws`, or `host` for a layer with this machine's own interpreter, for tests on this machine.
        interpreter: its archive, folder or program; None: this machine's for `host`, else a download.
        keep: groups of `KEEPABLE` to pack although no function needs them.
        wheels: a folder with orjson's wheel; None: the package index.
        orjson: whether to include orjson.

    Raises:
        PackagingError: something is missing, or does not fit the target.
    """
    check_keep(keep)
    with open_interpreter(target, where, interpreter) as python:
        selection = select(python, keep)
        files = dict(selection.files)
        executable = selection.executable | set(libraries.add_libpython(files, python))
        libraries.check(files, target, where)
        with open_compiler(target, python, download=interpreter is None) as compiler:
            own = runtime(target, compiler, orjson=orjson, wheels=wheels)
            modules = compile_modules(selection.sources, target, compiler, keep_sources=SOURCES in keep)
    return Layer(
        kind="provided",
        where=where,
        targets=(target,),
        members=[
            *_programs(target, compiled=compiler is not None),
            *(Member(name, content, executable=name in executable) for name, content in files.items()),
            *(Member(name, content) for name, content in modules.files.items()),
            *own.members,
        ],
        notes=[*modules.notes, *own.notes],
        components=[_component(python.origin), *own.components],
    )


def _programs(target: Target, *, compiled: bool) -> list[Member]:
    start = launcher.bootstrap(target.python, site_packages(target), compiled=compiled)
    return [
        Member("bootstrap", start, executable=True),
        Member("bin/python3", launcher.python3(target.python), executable=True),
    ]


def _component(origin: Origin) -> Component:
    return Component("cpython", origin.release, f"pkg:generic/cpython@{origin.release}", "Python-2.0", origin.sha256)
