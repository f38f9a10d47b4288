"""Layers as files: the zip file, its manifest and its bill of materials; all of them are written, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from awslambdaric_lite.packaging.archive import Sizes, write_text_file, write_zip
from awslambdaric_lite.packaging.errors import PackagingError

from .layer import Layer
from .manifest import manifest_json
from .sbom import sbom_json


def write(
    layer: Layer,
    output_folder: Path,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    accept: Callable[[Sizes], None] | None = None,
) -> list[Path]:
    """Write a layer into a folder, which is created; return the zip file, the manifest and the bill of materials.

    `progress(name, done, total)` is called after each member, `accept(sizes)` before older files are replaced: an
    exception from it prevents that. After a failure, older files stay.

    Raises:
        PackagingError: the folder cannot be written, or the members are invalid.
    """
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
