"""The files of the wrapper layer, and their places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.bytecode import choose_interpreter
from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.start_file import PACKAGE, layer_start_file
from awslambdaric_lite.packaging.targets import Target

from ..layer import MOUNTED_AT, Component, Layer, Where, not_precompiled, own_component
from ..vendored import FOLDER, vendored_orjson

_DEPLOYED = Path(__file__).with_name("deployed")  # what runs on Lambda
_SCRIPT = "awslambdaric-lite"
_VENDOR_MODULE = b"pass\n"


def build(
    targets: Sequence[Target], *, where: Where, interpreter: Path | None, wheels: Path | None, orjson: bool
) -> Layer:
    """Build a layer for one version of Python, or for several.

    Args:
        targets: versions, all on one architecture.
        where: `host` marks a layer for tests on this machine in the manifest; nothing else differs.
        interpreter: the one that compiles, or its installation's folder; None: one of this machine.
        wheels: a folder with orjson's wheels; None: the package index.
        orjson: whether to include orjson.

    Raises:
        PackagingError: a part of it is missing.
    """
    members = [Member(_SCRIPT, (_DEPLOYED / _SCRIPT).read_bytes(), executable=True)]
    notes: dict[str, None] = {}
    components: dict[str, Component] = {}
    for target in targets:
        at = f"python/lib/python{target.python}/site-packages"
        found = choose_interpreter(target.python, interpreter)
        vendored = vendored_orjson(target, wanted=orjson, wheels=wheels)
        files = _package(at, found, with_orjson=bool(vendored.files)) | vendored.files
        members += [Member(f"{at}/{name}", content) for name, content in files.items()]
        notes |= dict.fromkeys([*vendored.notes, *([] if found else [not_precompiled(target)])])
        components |= {each.purl: each for each in (own_component(), *vendored.components)}
    return Layer("wrapper", where, tuple(targets), members, list(notes), list(components.values()))


def _package(at: str, interpreter: Path | None, *, with_orjson: bool) -> dict[str, bytes]:
    """Return the files of the package for one version: bytecode, or sources without an interpreter."""
    sources = runtime_sources()
    others = {f"{FOLDER}/__init__.py": _VENDOR_MODULE} if with_orjson else {}
    if interpreter is not None:
        # The script as bytecode, too: compiling it at each start takes a seventh of the runtime's share of a cold start
        # (instructions_cold of the guard).
        others[f"{PACKAGE}/start.py"] = (_DEPLOYED / "start.py").read_bytes()
    files = layer_start_file(sources, others, f"{MOUNTED_AT}/{at}", interpreter, small=not with_orjson)
    for name in ("start.py", "fall_back.py"):
        files[f"{PACKAGE}/{name}"] = (_DEPLOYED / name).read_bytes()
    return files
