"""Layers: folders and zip files, merged as Lambda merges them under `/opt`, and their effect on a function.

Source: the Lambda developer guide, "Packaging your layer content" and "Adding layers to functions".
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from ...packaging import reading
from ...packaging.errors import PackagingError
from ..errors import InvalidFunction

_DISABLED = "disable-extensions-jwigqn8j"  # source: the open server, which starts no extensions if this file exists
_PYTHON = (f"python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages", "python")


def merge(layers: Sequence[Path], folder: Path) -> Path | None:
    """Return a folder with the content of the layers, later ones over earlier ones; None without layers.

    A single folder is used as it is, anything else is copied to `folder`.

    Raises:
        InvalidFunction: a zip file is damaged, or has a member or a link that leads out of the layer.
        OSError: a layer cannot be read or copied.
    """
    if not layers:
        return None
    if len(layers) == 1 and layers[0].is_dir():
        return layers[0]
    folder.mkdir()
    for layer in layers:
        if layer.is_dir():
            reading.merge(layer, folder, partial(shutil.copy2, follow_symlinks=False))
        else:
            _merge_zip(layer, folder)
    return folder


def find(content: Path | None, path: str) -> Path | None:
    """Return the file of the layers that a path in `/opt` names, as a path for this process; None for any other."""
    if content is None or not path.startswith("/opt/"):
        return None
    file = content / path.removeprefix("/opt/")
    return file if file.is_file() else None


def extension_programs(opt: Path | None) -> list[Path]:
    """Return the external extensions: every file directly in `extensions`, in the order of the names."""
    if opt is None or (opt / _DISABLED).exists() or not (opt / "extensions").is_dir():
        return []
    return sorted(path for path in (opt / "extensions").iterdir() if path.is_file())


def layer_variables(content: Path, seen_at: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make the programs, libraries and packages in `content` known to a process.

    The process has them at `seen_at`. Every Python finds the packages, not only clients that search `/opt`.
    """
    added = {"PATH": ["bin"], "LD_LIBRARY_PATH": ["lib"], "PYTHONPATH": list(_PYTHON)}
    found = {}
    for name, folders in added.items():
        present = [str(seen_at / folder) for folder in folders if (content / folder).is_dir()]
        if present:
            found[name] = ":".join([*filter(None, [variables.get(name)]), *present])
    return found


def unpack(package: Path, folder: Path, kind: str) -> None:
    """Unpack a zip file as Lambda does.

    Raises:
        InvalidFunction: the zip file is damaged, or has a member or a link that leads out of it.
    """
    try:
        reading.extract(package, folder)
    except PackagingError as error:
        raise InvalidFunction(f"{kind} {error}") from error


def _merge_zip(layer: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as unpacked:
        unpack(layer, Path(unpacked), "layer")
        reading.merge(Path(unpacked), folder, os.replace)
