"""Zip files that are layers, and messages about others."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from layers.publishing import layer_file
from layers.publishing.layer_file import read_layer_file

from .conftest import MakeLayer


def test_a_layer_as_it_was_built(make_layer: MakeLayer) -> None:
    """A built layer is read with its kind, versions, licences and Lambda's form of the hash."""
    path = make_layer("wrapper", "3.12", "3.13", arch="arm64")
    layer = read_layer_file(path)
    content = path.read_bytes()
    assert (layer.kind, layer.arch, layer.size) == ("wrapper", "arm64", len(content))
    assert layer.targets == (Target("3.12", "arm64"), Target("3.13", "arm64"))
    assert layer.licenses == ("Apache-2.0", "MPL-2.0 AND (Apache-2.0 OR MIT)")
    assert layer.sha256 == base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_without_a_bill_of_materials(make_layer: MakeLayer) -> None:
    """Without a bill of materials, the licence is the project's own."""
    path = make_layer()
    path.with_suffix(".cdx.json").unlink()
    assert read_layer_file(path).licenses == ("Apache-2.0",)


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write a zip file again with other members."""
    with zipfile.ZipFile(path) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_manifest(path: Path, **changes: Any) -> None:
    """Write a manifest again with other values; None removes one."""
    beside = path.with_suffix(".manifest.json")
    manifest = {**json.loads(beside.read_text()), **changes}
    beside.write_text(json.dumps({name: value for name, value in manifest.items() if value is not None}))


def commented(path: Path) -> None:
    """Change the zip file without its members."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"another file"


def made_a_folder(path: Path) -> None:
    """Replace a file by a folder."""
    path.unlink()
    path.mkdir()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (
        lambda path: path.with_suffix(".manifest.json").unlink(),
        "has no awslambdaric-lite-wrapper",
    ),
    "manifest is no JSON": (lambda path: path.with_suffix(".manifest.json").write_text("{"), "is not JSON"),
    "manifest is a list": (
        lambda path: path.with_suffix(".manifest.json").write_text("[]"),
        "not a layer's manifest",
    ),
    "manifest is a folder": (
        lambda path: made_a_folder(path.with_suffix(".manifest.json")),
        "cannot be read: Is a directory",
    ),
    "for one machine": (lambda path: with_manifest(path, target="host"), "runs nowhere else"),
    "for nobody": (lambda path: with_manifest(path, target=None), "has no 'target'"),
    "another kind": (lambda path: with_manifest(path, kind="hat"), "the kind 'hat', not wrapper or provided"),
    "no version of Python": (lambda path: with_manifest(path, python=[]), "has no 'python'"),
    "an old Python": (lambda path: with_manifest(path, python="2.7"), "unsupported Python '2.7'"),
    "an unknown machine": (lambda path: with_manifest(path, arch="mips"), "unsupported architecture 'mips'"),
    "no version": (lambda path: with_manifest(path, version=None), "has no 'version'"),
    "no files": (lambda path: with_manifest(path, files=None), "has no 'files'"),
    "a file changed": (
        lambda path: rewritten(path, lambda members: members.update(start=b"other")),
        "start is another than it should be",
    ),
    "a file more": (
        lambda path: rewritten(path, lambda members: members.update(more=b"")),
        "more is in one of the two only",
    ),
    "files less": (
        lambda path: rewritten(path, lambda members: members.clear()),
        "python/module.py (and 1 more) is in one of the two only",
    ),
    "another zip file": (commented, "is not the file that awslambdaric-lite-wrapper-py3.13-x86_64.manifest.json was"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-30]), "is neither a folder nor a zip file"),
    "no zip file": (lambda path: path.write_text("text"), "is neither a folder nor a zip file"),
    "missing": (lambda path: path.unlink(), "does not exist"),
    "a folder": (lambda path: made_a_folder(path), "is no file"),
    "a bad bill of materials": (
        lambda path: path.with_suffix(".cdx.json").write_text("[]"),
        "not a bill of materials",
    ),
}


@pytest.mark.parametrize(("damage", "reason"), BAD.values(), ids=BAD)
def test_changed_layer_is_refused(damage: Callable[[Path], object], reason: str, make_layer: MakeLayer) -> None:
    """One line names the file, the error and the cure."""
    path = make_layer()
    damage(path)
    with pytest.raises(PackagingError) as refused:
        read_layer_file(path)
    text = str(refused.value)
    assert reason in text and path.stem in text and "; " in text and "\n" not in text


def test_too_large_to_be_unpacked(make_layer: MakeLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer beyond Lambda's unpacked limit is refused before it is sent."""
    path = make_layer()
    monkeypatch.setattr(layer_file, "UNPACKED_LIMIT", 10)
    with pytest.raises(PackagingError, match="has 20 B unpacked, Lambda allows 10 B"):
        read_layer_file(path)
