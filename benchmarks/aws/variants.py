"""The compared functions: one hello-world handler, run in several ways."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..contenders import APP, BASELINE

ARCHITECTURES = ("x86_64", "arm64")
PROVIDED = "provided.al2023"
WRAPPER = "/opt/awslambdaric-lite"
LAYER_ZIP_LIMIT = 50 * 1024 * 1024
"""Maximum bytes of a zip file within the request ("Lambda quotas" of the developer guide)."""

_RUNTIME = re.compile(r"python(3\.\d+)")
_FIRST_OF_ALL = (1980, 1, 1, 0, 0, 0)


class NotPossible(Exception):
    """A request that cannot be deployed; the message says why and names the cure."""


@dataclass(frozen=True)
class LayerFile:
    """A layer's zip as `layers/build.py` makes it; `kind` is `wrapper` or `provided`."""

    kind: str
    path: Path


@dataclass(frozen=True)
class Variant:
    """One way to run the handler: the arguments of `CreateFunction` without names and memory."""

    name: str
    title: str
    runtime: str
    architecture: str
    code: bytes = field(repr=False)
    handler: str = "app.hello"
    layer: LayerFile | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """A variant with an amount of memory; each is one function."""

    variant: Variant
    memory_mb: int
    name: str


def deployments(prefix: str, variants: list[Variant], memories: list[int]) -> list[Deployment]:
    """Return the functions to make; their names have lambda-perf's format."""
    return [
        Deployment(variant, memory, f"{prefix}-{variant.name}-zip-{memory}-{variant.architecture}")
        for memory in memories
        for variant in variants
    ]


def python_version(runtime: str) -> str:
    """Return the version in the name of a managed runtime.

    Raises:
        NotPossible: the runtime is not a Python.
    """
    if not (match := _RUNTIME.fullmatch(runtime)):
        raise NotPossible(f"--runtime {runtime} is not a managed Python; give e.g. python3.13")
    return match[1]


def function_zip(members: Mapping[str, bytes]) -> bytes:
    """Return a zip file of a function's files, all executable; the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(members.items()):
            entry = zipfile.ZipInfo(name, _FIRST_OF_ALL)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def python_variants(
    runtime: str, architecture: str, layers: Mapping[str, LayerFile | str]
) -> tuple[list[Variant], dict[str, str]]:
    """Return the Python variants, and the reason for each unavailable one.

    `layers` has for each kind the file, or the reason why it is missing. Raises NotPossible as `python_version` does.
    """
    version = python_version(runtime)
    code = function_zip({"app.py": (APP / "app.py").read_bytes()})
    found = [Variant(BASELINE, runtime, runtime, architecture, code)]
    skipped: dict[str, str] = {}
    for kind, on, title, more in (
        ("wrapper", runtime, f"{runtime} + lite wrapper layer", {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER}),
        ("provided", PROVIDED, f"lite, python{version} (prov.al2023)", {}),
    ):
        layer = layers[kind]
        if isinstance(layer, str):
            skipped[f"lite-{kind}"] = layer
            continue
        found.append(Variant(f"lite-{kind}", title, on, architecture, code, layer=layer, environment=more))
    return found, skipped


def rust_variant(bootstrap: Path, architecture: str) -> Variant:
    """Return the variant of the compiled Rust function.

    Raises:
        NotPossible: the file cannot be read.
    """
    try:
        code = function_zip({"bootstrap": bootstrap.read_bytes()})
    except OSError as error:
        raise NotPossible(f"--rust {bootstrap}: {error.strerror}; name the compiled `bootstrap`") from error
    return Variant("rust", "rust (prov.al2023)", PROVIDED, architecture, code)


def find_layers(folder: Path | None, version: str, architecture: str) -> dict[str, LayerFile | str]:
    """Find the layers of a Python version and architecture by their manifests.

    Return for each kind the file, or the reason why it is missing.

    Raises:
        NotPossible: the folder does not exist, or holds layers for this machine instead of AWS.
    """
    if folder is None:
        return {kind: f"no layers given; `{_cure(kind, version, architecture)}`" for kind in ("wrapper", "provided")}
    if not folder.is_dir():
        raise NotPossible(f"--layers {folder} is not a directory; `{_cure('wrapper', version, architecture)}` makes it")
    manifests = [(path, _manifest(path)) for path in sorted(folder.glob("*.manifest.json"))]
    return {kind: _find(kind, manifests, folder, version, architecture) for kind in ("wrapper", "provided")}


def _cure(kind: str, version: str, architecture: str) -> str:
    return f"python layers/build.py {kind} --python {version} --arch {architecture} -o dist"


def _manifest(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotPossible(f"{path} is not the manifest of a layer: {error}; build the layer again") from error
    if not isinstance(content, dict) or "target" not in content:
        raise NotPossible(f"{path} is not the manifest of a layer: it has no target; build the layer again")
    return content


def _find(
    kind: str, manifests: list[tuple[Path, dict[str, Any]]], folder: Path, version: str, architecture: str
) -> LayerFile | str:
    for path, manifest in manifests:
        if f"-{kind}-" not in path.name or version not in _several(manifest.get("python")):
            continue
        if architecture not in _several(manifest.get("arch")):
            continue
        if manifest["target"] != "aws":
            cure = _cure(kind, version, architecture)
            raise NotPossible(f"{path.name} is built for this machine, not for AWS; `{cure}` builds one that is")
        layer = path.with_name(path.name.removesuffix(".manifest.json") + ".zip")
        if not layer.is_file():
            return f"{layer.name} is missing next to its manifest; build the layer again"
        expected = manifest.get("zip", {}).get("sha256")
        if expected and hashlib.sha256(layer.read_bytes()).hexdigest() != expected:
            return f"{layer.name} is not the zip that its manifest describes; build the layer again"
        if layer.stat().st_size > LAYER_ZIP_LIMIT:
            return f"{layer.name} has more than the {LAYER_ZIP_LIMIT} bytes that can be uploaded without S3"
        return LayerFile(kind, layer)
    wanted = f"no {kind} layer for Python {version} on {architecture}"
    return f"{wanted} in {folder.name}; `{_cure(kind, version, architecture)}`"


def _several(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
