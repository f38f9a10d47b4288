"""The layout of a package: folders on Python's path, files that Lambda's user can read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...common.words import count, escape_controls
from .findings import Finding, examples
from .subject import Subject

_VERSIONED = re.compile(r"python/lib/(?P<python>python[^/]*)/site-packages/.*")
_READABLE = 0o004


def check_structure(subject: Subject) -> Iterator[Finding]:
    """Yield findings for a layer of another version, and for files that only their owner can read."""
    if not subject.package.names():
        yield Finding("empty", "error", ".", "the package has no files; name the package itself")
    if subject.is_layer:
        yield from _layer_version(subject)
    # Lambda's user owns none of the files. Tools that pack decide about the modes of folders.
    if subject.package.packed_size() is not None:
        private = [name for name in subject.files if not subject.package.mode(name) & _READABLE]
        for top, names in subject.by_top(private).items():
            yield Finding(
                "permissions",
                "error",
                top,
                f"{count(len(names), 'file')} that Lambda's user cannot read; chmod a+r before zipping "
                f"({examples(names)})",
            )


def _layer_version(subject: Subject) -> Iterator[Finding]:
    wanted = f"python{subject.target.python}"
    found = {match["python"] for name in subject.files if (match := _VERSIONED.fullmatch(name))}
    if found and wanted not in found:
        there = ", ".join(escape_controls(name) for name in sorted(found))
        yield Finding(
            "layer-version",
            "error",
            "python/lib",
            f"the layer has packages for {there} and none for {wanted}; name its version with --python, or install "
            f"them in python/lib/{wanted}/site-packages",
        )
