"""The description of a layer for AWS: its name, its runtimes, its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awslambdaric_lite.common.quotas import ZIPPED_LIMIT
from awslambdaric_lite.common.words import format_size
from awslambdaric_lite.packaging.errors import PackagingError

from .layer_file import LayerFile

DEFAULT_PREFIX = "awslambdaric-lite"
OS_ONLY_RUNTIME = "provided.al2023"

_DESCRIPTIONS = {
    "wrapper": "set AWS_LAMBDA_EXEC_WRAPPER=/opt/awslambdaric-lite",
    "provided": "interpreter and runtime",
}
# The Lambda API reference, "PublishLayerVersion".
_NAME_LIMIT = 140


@dataclass(frozen=True)
class Publication:
    """A layer to publish to a region; `bucket` is the S3 bucket for its upload, None for a direct upload."""

    layer: LayerFile
    name: str
    region: str
    bucket: str | None = None

    @property
    def key(self) -> str:
        """Return its key in the bucket: other content has another key."""
        digest = self.layer.sha256.translate(str.maketrans("+/", "-_", "="))
        return f"{self.name}/{digest}.zip"

    def description(self) -> dict[str, Any]:
        """Return `PublishLayerVersion`'s parameters, except `Content`."""
        layer = self.layer
        versions = ", ".join(target.python for target in layer.targets)
        return {
            "LayerName": self.name,
            "Description": f"awslambdaric-lite {layer.version}, Python {versions}: {_DESCRIPTIONS[layer.kind]}",
            "CompatibleRuntimes": _runtimes(layer),
            "CompatibleArchitectures": [layer.arch],
            "LicenseInfo": _license(layer),
        }


def publications(layers: list[LayerFile], regions: list[str], prefix: str, bucket: str | None) -> list[Publication]:
    """Return all publications, region by region.

    Args:
        layers: files that were read and checked.
        regions: names, e.g. `eu-central-1`.
        prefix: the prefix of the layers' names.
        bucket: the S3 bucket for layers that are too large for a request, with `{region}` for the region's name.

    Raises:
        PackagingError: names clash or are invalid, or a layer needs a bucket.
    """
    names: dict[str, LayerFile] = {}
    for layer in layers:
        name = layer_name(layer, prefix)
        if name in names:
            raise PackagingError(f"{names[name].path} and {layer.path} would both be published as {name}; remove one")
        names[name] = layer
        if layer.size > ZIPPED_LIMIT and bucket is None:
            raise PackagingError(
                f"{layer.path} has {format_size(layer.size)}, a request takes {format_size(ZIPPED_LIMIT)}; "
                "name an S3 bucket for it with --bucket"
            )
    if bucket is not None and len(regions) > 1 and "{region}" not in bucket:
        raise PackagingError(
            f"Lambda reads a layer from a bucket in the same region, and {bucket} is in one; "
            "name one for each with {region} in --bucket, e.g. layers-{region}"
        )
    return [
        Publication(
            layer,
            name,
            region,
            bucket.replace("{region}", region) if bucket is not None and layer.size > ZIPPED_LIMIT else None,
        )
        for region in regions
        for name, layer in names.items()
    ]


def layer_name(layer: LayerFile, prefix: str) -> str:
    """Return e.g. `awslambdaric-lite-wrapper-py313-x86_64`: Lambda does not allow dots in names of layers.

    Raises:
        PackagingError: the prefix has a character that names cannot contain.
    """
    python = f"py{layer.targets[0].python.replace('.', '')}" if len(layer.targets) == 1 else "all"
    name = f"{prefix}-{layer.kind}-{python}-{layer.arch}"
    if not prefix or not all(each.isascii() and (each.isalnum() or each in "-_") for each in prefix):
        raise PackagingError(
            f"{prefix!r} cannot begin a layer's name; Lambda takes letters, digits, - and _: --layer-name-prefix"
        )
    if len(name) > _NAME_LIMIT:
        raise PackagingError(
            f"{name} has more than the {_NAME_LIMIT} characters of a name; use a shorter --layer-name-prefix"
        )
    return name


def _runtimes(layer: LayerFile) -> list[str]:
    if layer.kind == "provided":
        return [OS_ONLY_RUNTIME]
    return [f"python{target.python}" for target in layer.targets]


def _license(layer: LayerFile) -> str:
    parts = [f"({each})" if " " in each else each for each in layer.licenses]
    return " AND ".join(parts)
