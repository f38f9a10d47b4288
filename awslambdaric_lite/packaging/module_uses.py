"""How far modules are from a function's own code, along the imports that their texts show."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .archive import Member
from .prune import modules_named_in, parse_module


def import_distances(members: Mapping[str, Member], own: Collection[str]) -> dict[str, int]:
    """Return the number of imports from a module of `own` to each source that they reach, by the sources' names.

    Imports by computed names are not seen.
    """
    sources = {_module(name): name for name in members if name.endswith(".py")}
    distances = {name: 0 for name in own if name in members and name.endswith(".py")}
    waiting = list(distances)
    for name in waiting:  # grows
        tree = parse_module(members[name].read())
        if tree is None:
            continue
        for module in modules_named_in(tree, name.split("/")[:-1]):
            parts = module.split(".")
            for depth in range(1, len(parts) + 1):  # the import of a module imports its packages
                imported = sources.get(".".join(parts[:depth]))
                if imported is not None and imported not in distances:
                    distances[imported] = distances[name] + 1
                    waiting.append(imported)
    return distances


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
