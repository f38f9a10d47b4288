"""The layout of a package: folders on Python's path, names of modules, and files that Lambda's user can read."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator

from ...common.words import count, escape_controls
from ..distributions import project_name
from ..package import Package
from .findings import Finding, examples
from .subject import Subject, folder_of, is_layer

_VERSIONED = re.compile(r"python/lib/(?P<python>python[^/]*)/site-packages/.*")
_PACKAGES = re.compile(r"(?P<folder>(lib/)?(python3\.\d+/)?site-packages)/.*")
_ON_PATHS = {"python", "lib", "bin", "extensions", "bootstrap", "java", "nodejs", "ruby"}  # what Lambda uses of /opt
_MODULE = re.compile(r"(?P<module>\w+)(/__init__)?(\.pyc?|\.[\w.-]*so)")
_STANDARD = sys.stdlib_module_names - {"test"}  # a function's own tests hide Python's, which nothing imports
_READABLE = 0o004
_ENTERABLE = 0o005


def check_structure(subject: Subject) -> Iterator[Finding]:
    """Yield findings for folders where Python does not look, hidden modules, and files that cannot be read."""
    if not subject.package.names():
        yield Finding("empty", "error", ".", "the package has no files; name the package itself")
    if subject.is_layer:
        yield from _layer_version(subject)
    elif not subject.is_function:
        yield from _misplaced(subject.package)
    for layer in subject.layers:
        yield from _layer_paths(layer)
    yield from _hidden_modules(subject)
    yield from _metadata_twice(subject)
    yield from _compressions(subject)
    # Lambda's user owns none of the files. Tools that pack decide about the modes of folders.
    if subject.package.packed_size() is not None:
        yield from _permissions(subject)


def _permissions(subject: Subject) -> Iterator[Finding]:
    private = [name for name in subject.files if not subject.package.mode(name) & _READABLE]
    for top, names in subject.by_top(private).items():
        yield Finding(
            "permissions",
            "error",
            top,
            f"{count(len(names), 'file')} that Lambda's user cannot read; chmod a+r before zipping ({examples(names)})",
        )
    closed = [name for name, mode in subject.package.folder_modes().items() if mode & _ENTERABLE != _ENTERABLE]
    for top, names in subject.by_top(f"{name}/" for name in closed).items():
        yield Finding(
            "permissions",
            "error",
            top,
            f"{count(len(names), 'folder')} that Lambda's user cannot enter; chmod a+rx before zipping "
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


def _misplaced(package: Package) -> Iterator[Finding]:
    """Find what looks like a layer whose folders are not where Python looks."""
    names = package.names()
    tops = {name.partition("/")[0] for name in names}
    if len(tops) == 1 and any(name.startswith(f"{top}/python/") for top in tops for name in names):
        top = escape_controls(next(iter(tops)))
        if f"{top}/python/__init__.py" not in names and f"{top}/__init__.py" not in names:
            yield Finding(
                "layer-path",
                "error",
                f"{top}/python",
                f"a layer's folder python must be at the top, not in {top}; zip the content of {top}",
            )
    elif not any(name.startswith("bin/python") for name in names):  # else it is an installation of Python
        folders = {match["folder"] for name in names if (match := _PACKAGES.fullmatch(name))}
        for folder in sorted(folders):
            yield Finding(
                "layer-path",
                "error",
                folder,
                f"Python does not look for packages in {folder}; a layer needs them in python/ or in "
                "python/lib/python3.X/site-packages, a function at the top",
            )


def _layer_paths(layer: Package) -> Iterator[Finding]:
    path = escape_controls(str(layer.path))
    if not is_layer(layer):
        for finding in _misplaced(layer):
            yield Finding(finding.code, finding.level, ".", f"layer {path}: {finding.message}")
    tops = {name.partition("/")[0] for name in layer.names()}
    if tops and not tops & _ON_PATHS:
        yield Finding(
            "layer-path",
            "warning",
            ".",
            f"layer {path} has no folder python, lib or bin, so neither Python nor the loader looks into it; move its "
            "modules into python",
        )


def _hidden_modules(subject: Subject) -> Iterator[Finding]:
    found = set()
    for name in subject.files:
        match = _MODULE.fullmatch(subject.module_name(name) or "")
        if match is not None and match["module"] in _STANDARD:
            found.add(match["module"])
    if found:
        yield Finding(
            "standard-library",
            "warning",
            ".",
            f"{', '.join(sorted(found))}: on Lambda this hides the standard library's; rename it",
        )


def _metadata_twice(subject: Subject) -> Iterator[Finding]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in subject.files:
        information = folder_of(name)
        if information.endswith(".dist-info"):
            found[folder_of(information), project_name(information)].add(information)
    for (_, project), folders in sorted(found.items()):
        if len(folders) > 1:
            yield Finding(
                "metadata-twice",
                "warning",
                min(folders),
                f"{project} has the metadata of {len(folders)} versions, and importlib.metadata finds any of them; "
                f"remove all but one ({examples(folders)})",
            )


def _compressions(subject: Subject) -> Iterator[Finding]:
    methods: dict[str, list[str]] = defaultdict(list)
    for name, method in subject.package.compressions().items():
        methods[method].append(name)
    for method, names in sorted(methods.items()):
        yield Finding(
            "compression",
            "error",
            ".",
            f"{count(len(names), 'file')} compressed with {method}, which Lambda cannot unpack; zip with deflate "
            f"({examples(names)})",
        )
