"""The manifest of a layer: its targets, and the hash of every file in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import awslambdaric_lite
from awslambdaric_lite.packaging.archive import Sizes

from .layer import Layer


def manifest_json(layer: Layer, sizes: Sizes, archive: Path) -> str:
    """Return the manifest's text.

    `python` is the layer's version, or a list where it serves several; `files` has for each name below `/opt` the
    SHA-256 of its content, in hexadecimal digits.
    """
    versions = [target.python for target in layer.targets]
    content = {
        "kind": layer.kind,
        "target": layer.where,
        "python": versions[0] if len(versions) == 1 else versions,
        "arch": layer.targets[0].arch,
        "version": awslambdaric_lite.__version__,
        "zip": {
            "name": f"{layer.name}.zip",
            "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "size": sizes.zipped,
            "unpacked": sizes.unpacked,
        },
        "notes": layer.notes,
        "files": {
            member.name: hashlib.sha256(member.read()).hexdigest()
            for member in sorted(layer.members, key=lambda member: member.name)
        },
    }
    return json.dumps(content, indent=2) + "\n"
