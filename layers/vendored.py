"""orjson for a layer: the extension module alone, where only the runtime finds it, with its licences."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from awslambdaric_lite.packaging.elf import check_compatible, read_elf
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import IMAGE_LIBRARIES, Target
from awslambdaric_lite.packaging.wheels import install_requirements

from .layer import Component

FOLDER = "awslambdaric_lite/_vendor"
_REQUIREMENT = "orjson>=3.10"
_WITHOUT_WHEELS = ("3.15",)  # versions without wheels of orjson, which is not an error


@dataclass(frozen=True)
class Vendored:
    """Files by their names below `site-packages`, their components, and notes."""

    files: dict[str, bytes]
    components: list[Component]
    notes: list[str]


def vendored_orjson(
    target: Target, *, wanted: bool, wheels: Path | None, glibc: tuple[int, int] | None = None
) -> Vendored:
    """Get orjson's wheel for a target from a folder or from the package index, and extract its module.

    It is excluded if it is not `wanted`, and, with a note, if it has no wheel for the version of Python.

    Raises:
        PackagingError: a wheel is missing although orjson supports the version, or does not fit the target.
    """
    if not wanted:
        return Vendored({}, [], ["orjson is excluded (--no-orjson); the standard library serializes results"])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            install_requirements([_REQUIREMENT], folder, target, find_links=wheels, no_index=wheels is not None)
        except PackagingError as error:
            if target.python in _WITHOUT_WHEELS:
                note = f"orjson has no wheel for Python {target.python}; the standard library serializes results"
                return Vendored({}, [], [note])
            reason = str(error).partition("; ")[0]
            cure = "give the folder of its wheel with --wheels, or exclude it with --no-orjson"
            raise PackagingError(f"orjson cannot be installed: {reason}; {cure}") from None
        return _extracted(folder, target, glibc)


def _extracted(folder: Path, target: Target, glibc: tuple[int, int] | None) -> Vendored:
    modules = sorted((folder / "orjson").glob("*.so"))
    described = sorted(folder.glob("orjson-*.dist-info"))
    if len(modules) != 1 or len(described) != 1:
        raise PackagingError("orjson's wheel does not have exactly one extension module; use --no-orjson")
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
        raise PackagingError("orjson's extension module is not an ELF file; give a wheel for Linux, or use --no-orjson")
    reasons = check_compatible(elf, "orjson", target, provided=IMAGE_LIBRARIES, glibc=glibc)
    if reasons:
        raise PackagingError(f"{reasons[0].name} {reasons[0].reason}; give another wheel, or use --no-orjson")
