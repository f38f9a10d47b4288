"""The subject of an audit: the package, its target, and Python's search path in it."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..hosts import Host
from ..package import Package
from ..targets import Target


@dataclass(frozen=True)
class Subject:
    """A package or a layer, and its target."""

    path: Path
    package: Package
    target: Target
    layers: Sequence[Package] = field(default=())
    """The function's layers."""
    host: Host = "managed"
    is_function: bool = False
    """Whether it is known to be a function's package, although it may have a folder `python`."""
    unchecked: Collection[str] = ()
    """Names of files that the checks pass over."""

    @cached_property
    def is_layer(self) -> bool:
        """Return whether it has a layer's `python` folder."""
        return not self.is_function and is_layer(self.package)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Return its folders on `sys.path`, in their order, each as a prefix: "" or ending with a slash."""
        return layer_roots(self.target) if self.is_layer else ("",)

    @cached_property
    def files(self) -> dict[str, int]:
        """Return every file to check that is not a link, with its size in bytes."""
        passed = {*self.package.links(), *self.unchecked}
        return {name: self.package.size(name) for name in self.package.names() if name not in passed}

    @cached_property
    def unpacked_size(self) -> int:
        """Return the bytes of all files."""
        return sum(self.files.values())

    def module_name(self, name: str) -> str | None:
        """Return a file's name below `sys.path`; None if Python does not search its folder."""
        for root in self.roots:
            if name.startswith(root):
                below = name[len(root) :]
                # In a layer, `python/lib/pythonX.Y` is a folder of another version.
                return None if root == "python/" and below.startswith("lib/python") else below
        return None

    def top(self, name: str) -> str:
        """Return the top-level package or folder of a file, as a path in the package; "." for single files."""
        root = next((root for root in self.roots if name.startswith(root)), "")
        first, slash, _ = name[len(root) :].partition("/")
        return root + first if slash else (root.rstrip("/") or ".")

    def by_top(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Group names by their top-level packages."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in names:
            groups[self.top(name)].append(name)
        return dict(sorted(groups.items()))


def is_layer(package: Package) -> bool:
    """Return whether a package has a layer's `python` folder, not a Python package of that name."""
    names = package.names()
    tops = {name.partition("/")[0] for name in names}
    return "python" in tops and "python/__init__.py" not in names and "python" not in names


def layer_roots(target: Target) -> tuple[str, ...]:
    """Return a layer's folders on `sys.path`, in order (Lambda developer guide, "Packaging your layer content")."""
    return (f"python/lib/python{target.python}/site-packages/", "python/")


def folder_of(name: str) -> str:
    """Return the folder of a file, "" for the top."""
    return posixpath.dirname(name)
