"""orjson for a layer: the extension module alone, where nobody but the runtime finds it, with its licences."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from awslambdaric_lite.packaging.elf import read_elf, unfit
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import IMAGE_LIBRARIES, Target
from awslambdaric_lite.packaging.wheels import install_requirements

from .layer import Component

FOLDER = "awslambdaric_lite/_vendor"
_REQUIREMENT = "orjson>=3.10"
_WITHOUT_WHEELS = ("3.15",)  # versions that orjson has no wheels for, which is normal and no mistake of anybody's


@dataclass(frozen=True)
class Vendored:
    """Files by their names below `site-packages`, what they are, and what there is to say."""

    files: dict[str, bytes]
    components: list[Component]
    notes: list[str]


def vendored_orjson(
    target: Target, *, wanted: bool, wheels: Path | None, glibc: tuple[int, int] | None = None
) -> Vendored:
    """Get orjson's wheel for a target, from a folder or from the package index, and take it apart.

    It is left out if it is not `wanted`, and, with a note, where it has no wheel for the version of Python.

    Raises:
        PackagingError: there is no wheel although there should be one, or it does not fit the target.
    """
    if not wanted:
        return Vendored({}, [], ["orjson is left out, as asked for; the standard library renders results"])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            install_requirements([_REQUIREMENT], folder, target, find_links=wheels, no_index=wheels is not None)
        except PackagingError as error:
            if target.python in _WITHOUT_WHEELS:
                note = f"orjson has no wheel for Python {target.python}; the standard library renders results"
                return Vendored({}, [], [note])
            reason = str(error).partition("; ")[0]
            cure = "give the folder of its wheel with --wheels, or leave it out with --no-orjson"
            raise PackagingError(f"orjson cannot be had, {reason}; {cure}") from None
        return _taken_apart(folder, target, glibc)


def _taken_apart(folder: Path, target: Target, glibc: tuple[int, int] | None) -> Vendored:
    modules = sorted((folder / "orjson").glob("*.so"))
    described = sorted(folder.glob("orjson-*.dist-info"))
    if len(modules) != 1 or len(described) != 1:
        raise PackagingError("orjson's wheel is not made as expected (one extension module); use --no-orjson")
    code = modules[0].read_bytes()
    _check(code, target, glibc)
    metadata = message_from_bytes((described[0] / "METADATA").read_bytes())
    name = f"orjson.{modules[0].name.split('.', 1)[1]}"
    files = {f"{FOLDER}/{name}": code}
    for licence in sorted((described[0] / "licenses").rglob("*")) or sorted(described[0].glob("LICEN*")):
        if licence.is_file():
            files[f"{FOLDER}/orjson-{licence.name}"] = licence.read_bytes()
    version = str(metadata["Version"])
    component = Component(
        "orjson",
        version,
        f"pkg:pypi/orjson@{version}",
        metadata["License-Expression"] or metadata["License"],
        hashlib.sha256(code).hexdigest(),
    )
    return Vendored(files, [component], [])


def _check(code: bytes, target: Target, glibc: tuple[int, int] | None) -> None:
    elf = read_elf(code)
    if elf is None:
        raise PackagingError("orjson's extension module is no ELF file; give a wheel for Linux, or use --no-orjson")
    reasons = unfit(elf, "orjson", target, provided=IMAGE_LIBRARIES, glibc=glibc)
    if reasons:
        raise PackagingError(f"{reasons[0].name} {reasons[0].reason}; give another wheel, or use --no-orjson")
