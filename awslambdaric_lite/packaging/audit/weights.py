"""The size of a package against Lambda's limits, and its largest parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...common.quotas import UNPACKED_LIMIT, ZIPPED_LIMIT
from ...common.words import format_size
from .findings import Finding
from .subject import Subject

LARGE_PACKAGE = UNPACKED_LIMIT // 10
"""Bytes of a package from which on it is worth a finding."""


@dataclass(frozen=True)
class Weight:
    """A top-level package or folder: its path, bytes and files unpacked, and its share of all bytes."""

    path: str
    size: int
    files: int
    share: float


def weights(subject: Subject) -> list[Weight]:
    """Return all top-level packages and folders, the largest first."""
    total = max(subject.unpacked_size, 1)
    found = []
    for top, names in subject.by_top(subject.files).items():
        size = sum(subject.files[name] for name in names)
        found.append(Weight(top, size, len(names), size / total))
    return sorted(found, key=lambda weight: (-weight.size, weight.path))


def check_weights(subject: Subject) -> Iterator[Finding]:
    """Compare with the limits; layers of a function count, too."""
    beside = sum(layer.size(name) for layer in subject.layers for name in layer.names() if not layer.is_symlink(name))
    total = subject.unpacked_size + beside
    if total > UNPACKED_LIMIT:
        with_layers = " with its layers" if subject.layers else ""
        yield Finding(
            "size-limit",
            "error",
            ".",
            f"{format_size(total)} unpacked{with_layers}; Lambda allows {format_size(UNPACKED_LIMIT)}, layers "
            "included: exclude files or use a container image",
        )
    packed = subject.package.packed_size()
    if packed is not None and packed > ZIPPED_LIMIT:
        yield Finding(
            "size-upload",
            "info",
            ".",
            f"{format_size(packed)} zipped; above {format_size(ZIPPED_LIMIT)} upload it through S3, not directly",
        )
    for weight in weights(subject):
        if weight.size >= LARGE_PACKAGE:
            share = f"{100 * weight.share:.0f} % of the package"
            yield Finding(
                "size-package",
                "info",
                weight.path,
                f"{format_size(weight.size)} unpacked, {share}, of the {format_size(UNPACKED_LIMIT)} that Lambda takes",
            )
