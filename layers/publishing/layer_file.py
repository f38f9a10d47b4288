"""A layer's zip file, compared with its manifest."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awslambdaric_lite.common.quotas import UNPACKED_LIMIT
from awslambdaric_lite.common.words import format_size
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.reading import Package, open_package
from awslambdaric_lite.packaging.targets import Target

KINDS = ("wrapper", "provided")
_OWN_LICENSE = "Apache-2.0"
_AGAIN = "build it again with layers/build.py"


@dataclass(frozen=True)
class LayerFile:
    """A zip file that matches its manifest.

    Attributes:
        kind: `wrapper` or `provided`.
        targets: the versions of Python that it serves, on one architecture.
        version: of awslambdaric-lite.
        licenses: SPDX expressions of its components.
        sha256: the zip file's, in Base64, as Lambda's `CodeSha256` has it.
        size: bytes of the zip file.
    """

    path: Path
    kind: str
    targets: tuple[Target, ...]
    version: str
    licenses: tuple[str, ...]
    sha256: str
    size: int

    @property
    def arch(self) -> str:
        """Return the architecture, in Lambda's spelling."""
        return self.targets[0].arch


def read_layer_file(path: Path) -> LayerFile:
    """Read a zip file and its manifest.

    Raises:
        PackagingError: it is not a zip file, has no manifest, differs from it, was built for tests on one machine only,
            or is larger than Lambda allows.
    """
    if not path.is_file():
        reason = "is no file" if path.exists() else "does not exist"
        raise PackagingError(f"{path} {reason}; give the zip file of a layer, as layers/build.py writes it")
    manifest_path = path.with_suffix(".manifest.json")
    manifest = _manifest(manifest_path, path)
    where = _field(manifest, "target", str, manifest_path)
    if where != "aws":
        raise PackagingError(
            f"{path} is made of one machine's files (--target {where}) and runs nowhere else; {_AGAIN} --target aws"
        )
    kind = _field(manifest, "kind", str, manifest_path)
    if kind not in KINDS:
        raise PackagingError(f"{manifest_path} names the kind {kind!r}, not {' or '.join(KINDS)}; {_AGAIN}")
    targets = _targets(manifest, manifest_path)
    with open_package(path) as package:
        _compare(package, _field(manifest, "files", dict, manifest_path), path)
        unpacked = sum(map(package.size, package.names()))
    if unpacked > UNPACKED_LIMIT:
        limit = format_size(UNPACKED_LIMIT)
        raise PackagingError(
            f"{path} has {format_size(unpacked)} unpacked, Lambda allows {limit}; build it with fewer files"
        )
    content = path.read_bytes()
    digest = hashlib.sha256(content)
    if "zip" in manifest and manifest["zip"].get("sha256") != digest.hexdigest():
        raise PackagingError(f"{path} is not the file that {manifest_path.name} was written with; {_AGAIN}")
    return LayerFile(
        path=path,
        kind=kind,
        targets=targets,
        version=_field(manifest, "version", str, manifest_path),
        licenses=_licenses(path.with_suffix(".cdx.json")),
        sha256=base64.b64encode(digest.digest()).decode(),
        size=len(content),
    )


def _manifest(path: Path, archive: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PackagingError(f"{archive} has no {path.name} in its folder; keep them together, or {_AGAIN}") from None
    except OSError as error:
        raise PackagingError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
    except ValueError as error:
        raise PackagingError(f"{path} is not JSON ({error}); {_AGAIN}") from None
    if not isinstance(manifest, dict):
        raise PackagingError(f"{path} is not a layer's manifest; {_AGAIN}")
    return manifest


def _field(manifest: dict[str, Any], name: str, kind: type, path: Path) -> Any:
    value = manifest.get(name)
    if not isinstance(value, kind):
        raise PackagingError(f"{path} has no {name!r} as manifests have it; {_AGAIN}")
    return value


def _targets(manifest: dict[str, Any], path: Path) -> tuple[Target, ...]:
    versions = manifest.get("python")
    versions = [versions] if isinstance(versions, str) else versions
    if not isinstance(versions, list) or not versions:
        raise PackagingError(f"{path} has no 'python' as manifests have it; {_AGAIN}")
    try:
        return tuple(Target.parse(version, _field(manifest, "arch", str, path)) for version in versions)
    except PackagingError as error:
        raise PackagingError(f"{path}: {error}; {_AGAIN}") from None


def _compare(package: Package, files: dict[str, Any], path: Path) -> None:
    """Check that a package has exactly these files, with these hashes."""
    if changed := sorted(files.keys() ^ set(package.names())):
        reason = "in one of the two only"
    else:
        changed = [name for name in files if hashlib.sha256(package.read(name)).hexdigest() != files[name]]
        reason = "another than it should be"
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise PackagingError(f"{path} differs from its manifest: {changed[0]}{more} is {reason}; {_AGAIN}")


def _licenses(bill: Path) -> tuple[str, ...]:
    """Return the licences in the bill of materials; without a bill, the project's own."""
    try:
        components = json.loads(bill.read_text(encoding="utf-8"))["components"]
        named = [each["expression"] for part in components for each in part.get("licenses", [])]
    except FileNotFoundError:
        named = []
    except (OSError, ValueError, LookupError, TypeError):
        raise PackagingError(f"{bill} is not a bill of materials; {_AGAIN}") from None
    return tuple(dict.fromkeys([_OWN_LICENSE, *named]))
