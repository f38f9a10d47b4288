"""What is in the wrapper layer, and where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.bytecode import find_interpreter, writes_bytecode_for
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.targets import Target

from ..layer import MOUNTED_AT, Component, Layer, Where, not_precompiled, own_component
from ..vendored import FOLDER, vendored_orjson
from .start_file import PACKAGE, one_piece, one_piece_of_sources

MANAGED_VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The versions of Python that have managed runtimes; source: the Lambda developer guide, "Lambda runtimes"."""

_IN_LAYER = Path(__file__).with_name("in_layer")
_SCRIPT = "awslambdaric-lite"
_VENDOR_MODULE = b"pass\n"


def build(
    targets: Sequence[Target], *, where: Where, interpreter: Path | None, wheels: Path | None, orjson: bool
) -> Layer:
    """Put a layer together for one version of Python, or for several.

    Args:
        targets: versions, all on one architecture.
        where: `host` says in the manifest that it is made for tests on this machine; nothing else differs.
        interpreter: what compiles, or the folder that it is installed in, else one of this machine is looked for.
        wheels: a folder with orjson's wheels, else the package index is asked.
        orjson: whether orjson is to be in it.

    Raises:
        PackagingError: something is missing that it is made of.
    """
    members = [Member(_SCRIPT, (_IN_LAYER / _SCRIPT).read_bytes(), executable=True)]
    notes: dict[str, None] = {}
    components: dict[str, Component] = {}
    for target in targets:
        at = f"python/lib/python{target.python}/site-packages"
        found = _compiler(target, interpreter)
        vendored = vendored_orjson(target, wanted=orjson, wheels=wheels)
        files = _package(at, found, with_orjson=bool(vendored.files)) | vendored.files
        members += [Member(f"{at}/{name}", content) for name, content in files.items()]
        notes |= dict.fromkeys([*vendored.notes, *([] if found else [not_precompiled(target)])])
        components |= {each.purl: each for each in (own_component(), *vendored.components)}
    return Layer("wrapper", where, tuple(targets), members, list(notes), list(components.values()))


def _compiler(target: Target, named: Path | None) -> Path | None:
    """Return the interpreter that compiles, None where there is none of the version.

    Raises:
        PackagingError: the one that was named, or the one in the folder that was named, is of another version.
    """
    if named is None:
        return find_interpreter(target.python)
    program = named / "bin" / f"python{target.python}" if named.is_dir() else named
    if not writes_bytecode_for(program, target.python):
        raise PackagingError(f"{program} is no CPython {target.python}; name one of that version with --interpreter")
    return program


def _package(at: str, interpreter: Path | None, *, with_orjson: bool) -> dict[str, bytes]:
    """Return the files of the package for one version; sources, where nothing compiles them."""
    sources = runtime_sources()
    others = {f"{FOLDER}/__init__.py": _VENDOR_MODULE} if with_orjson else {}
    if interpreter is None:
        files = one_piece_of_sources(sources, others)
    else:
        # The script as bytecode, too: what is run as a source is compiled at each start, which takes a seventh of what
        # the runtime costs a cold start (instructions, by callgrind).
        others[f"{PACKAGE}/start.py"] = (_IN_LAYER / "start.py").read_bytes()
        files = one_piece(sources, others, f"{MOUNTED_AT}/{at}", interpreter, small=not with_orjson)
    for name in ("start.py", "step_aside.py"):
        files[f"{PACKAGE}/{name}"] = (_IN_LAYER / name).read_bytes()
    return files
