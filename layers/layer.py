"""What a layer is, and how it is written: the zip file, its manifest and its bill of materials, all or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import awslambdaric_lite
from awslambdaric_lite.packaging.archive import Member, Sizes, write_text_file, write_zip
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target

Kind = Literal["wrapper", "provided"]
Where = Literal["aws", "host"]

MOUNTED_AT = "/opt"
"""Where Lambda unpacks layers."""


@dataclass(frozen=True)
class Component:
    """Something of a name and a version of its own that is in a layer, for the bill of materials."""

    name: str
    version: str
    purl: str  # such as pkg:pypi/orjson@3.11.0
    licenses: str | None = None  # an SPDX expression
    sha256: str | None = None  # of the file that it was taken from, in hexadecimal digits


@dataclass(frozen=True)
class Layer:
    """Everything that is to be written of a layer.

    Attributes:
        kind: `wrapper` for managed runtimes, `provided` for provided.al2023.
        where: `aws`, or `host` for one that is made of this machine's own files and runs nowhere else.
        targets: what it serves; one, unless it was made for all versions of Python.
        members: the files, by their names below `/opt`.
        notes: what whoever builds it should know, a line each.
        components: what the bill of materials names.
    """

    kind: Kind
    where: Where
    targets: tuple[Target, ...]
    members: list[Member]
    notes: list[str] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file name without its ending, such as `awslambdaric-lite-wrapper-py3.13-x86_64`."""
        python = f"py{self.targets[0].python}" if len(self.targets) == 1 else "all"
        return f"awslambdaric-lite-{self.kind}-{python}-{self.targets[0].arch}"


def write(
    layer: Layer,
    output_folder: Path,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    accept: Callable[[Sizes], None] | None = None,
) -> list[Path]:
    """Write a layer into a folder, which is made if need be; return the zip, the manifest and the bill of materials.

    `progress(name, done, total)` is called after each member, `accept(sizes)` before anything takes its place: what it
    raises prevents that. If it fails, what was there before stays.

    Raises:
        PackagingError: the folder cannot be written, or the members do not make an archive.
    """
    from .manifest import manifest_json
    from .sbom import sbom_json

    made = not output_folder.exists()
    try:
        output_folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{layer.name}.", suffix=".unfinished", dir=output_folder))
    except OSError as error:
        reason = f"{output_folder} cannot be written: {error.strerror}; name another folder with -o"
        raise PackagingError(reason) from None
    names = [f"{layer.name}.zip", f"{layer.name}.manifest.json", f"{layer.name}.cdx.json"]
    done = False
    try:
        sizes = write_zip(unfinished / names[0], layer.members, progress=progress, accept=accept)
        write_text_file(unfinished / names[1], manifest_json(layer, sizes, unfinished / names[0]))
        write_text_file(unfinished / names[2], sbom_json(layer))
        _put_in_place(unfinished, output_folder, names)
        done = True
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if made and not done:
            output_folder.rmdir()
    return [output_folder / name for name in names]


def _put_in_place(source: Path, folder: Path, names: list[str]) -> None:
    for name in names:
        if (folder / name).is_dir():
            raise PackagingError(f"{folder / name} is a folder; move it away, or name another folder with -o")
    try:
        for name in names:
            os.replace(source / name, folder / name)
    except OSError as error:
        raise PackagingError(f"{folder} cannot be written: {error.strerror}; name another folder with -o") from None


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
