"""Layers: folders and zip files, merged as Lambda merges them under `/opt`, and their effect on a function.

Source: the Lambda developer guide, "Packaging your layer content" and "Adding layers to functions".
"""

from __future__ import annotations

import calendar
import os
import shutil
import stat
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import InvalidFunction

_DISABLED = "disable-extensions-jwigqn8j"  # source: the open server, which starts no extensions if this file exists
_PYTHON = (f"python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages", "python")


def merge(layers: Sequence[Path], folder: Path) -> Path | None:
    """Return a folder with the content of the layers, later ones over earlier ones; None without layers.

    A single folder is used as it is, anything else is copied to `folder`.

    Raises:
        InvalidFunction: a zip file is damaged, or has a member outside of the layer.
        OSError: a layer cannot be read or copied.
    """
    if not layers:
        return None
    if len(layers) == 1 and layers[0].is_dir():
        return layers[0]
    folder.mkdir()
    for layer in layers:
        if layer.is_dir():
            _copy(layer, folder)
        else:
            _unpack(layer, folder)
    return folder


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


def _copy(layer: Path, folder: Path) -> None:
    for source in layer.iterdir():
        target = folder / source.name
        if source.is_dir() and not source.is_symlink():
            _make_folder(target)
            _copy(source, target)
        else:
            _make_way(target)
            shutil.copy2(source, target, follow_symlinks=False)


def _unpack(layer: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(layer) as archive:
            for member in archive.infolist():
                _unpack_member(archive, member, folder, layer)
    except (zipfile.BadZipFile, EOFError) as error:
        raise InvalidFunction(f"layer {layer} is damaged: {error}") from error


def _unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, layer: Path) -> None:
    parts = [part for part in member.filename.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or member.filename.startswith("/"):
        if member.is_dir() and not parts:
            return
        raise InvalidFunction(f"layer {layer} has the member {member.filename!r}, which is outside of the layer")
    parent = folder
    for part in parts[:-1]:
        parent = parent / part
        _make_folder(parent)  # a link on the way, which could lead anywhere, makes way for a folder
    target = parent / parts[-1]
    mode = member.external_attr >> 16
    if member.is_dir():
        _make_folder(target)
        return
    _make_way(target)
    if stat.S_ISLNK(mode):
        target.symlink_to(archive.read(member).decode())
        return
    with archive.open(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    target.chmod(stat.S_IMODE(mode) or 0o644)
    modified = calendar.timegm((*member.date_time, 0, 0, 0))
    os.utime(target, (modified, modified))


def _make_folder(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        _make_way(path)
        path.mkdir()


def _make_way(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
