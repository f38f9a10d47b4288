"""What is being audited: the package, where it will run, and where Python will look for modules in it."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..package import Package
from ..targets import Target


@dataclass(frozen=True)
class Subject:
    """A package, or a layer, for a target."""

    path: Path
    package: Package
    target: Target
    layers: Sequence[Package] = field(default=())
    """Layers that the function will have beside it."""

    @cached_property
    def is_layer(self) -> bool:
        """Whether it has a layer's `python` folder."""
        return is_layer(self.package)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The folders in it that are on `sys.path`, in their order, each as a prefix: "" or ending with a slash."""
        return layer_roots(self.target) if self.is_layer else ("",)

    @cached_property
    def files(self) -> dict[str, int]:
        """Every file that is no link, with its size in bytes."""
        links = self.package.links()
        return {name: self.package.size(name) for name in self.package.names() if name not in links}

    @cached_property
    def unpacked_size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())

    def module_name(self, name: str) -> str | None:
        """The part of a file's name that is below `sys.path`; None if Python never looks there."""
        for root in self.roots:
            if name.startswith(root):
                return name[len(root) :]
        return None

    def top(self, name: str) -> str:
        """The top-level package or folder that a file belongs to, as a path in the package; "." for single files."""
        root = next((root for root in self.roots if name.startswith(root)), "")
        first, slash, _ = name[len(root) :].partition("/")
        return root + first if slash else (root.rstrip("/") or ".")

    def by_top(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Names, grouped by it."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in names:
            groups[self.top(name)].append(name)
        return dict(sorted(groups.items()))


def is_layer(package: Package) -> bool:
    """Whether a package has a layer's `python` folder, which is no package of that name."""
    names = package.names()
    tops = {name.partition("/")[0] for name in names}
    return "python" in tops and "python/__init__.py" not in names and "python" not in names


def layer_roots(target: Target) -> tuple[str, ...]:
    """Where Python looks in a layer, in this order (Lambda developer guide, "Packaging your layer content")."""
    return (f"python/lib/python{target.python}/site-packages/", "python/")


def folder_of(name: str) -> str:
    """The folder of a file, "" for the top."""
    return posixpath.dirname(name)
