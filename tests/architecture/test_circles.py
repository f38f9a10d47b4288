"""No module imports, at any time, a module that imports it; and the runtime's import tower is low."""

from __future__ import annotations

from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from .child import PACKAGE
from .imports import ROOT, imports_of, modules_below

PACKAGES = [path for path in (PACKAGE, ROOT / "layers", ROOT / "benchmarks") if path.is_dir()]
MAX_FLOORS = 12


@cache
def edges(package: Path, *, lazy: bool) -> dict[str, frozenset[str]]:
    """Return what each module of a package imports of it when it is loaded, or at any time."""
    found = {}
    for name, path in modules_below(package).items():
        imports = imports_of(path, package)
        found[name] = frozenset(imports.ours | (imports.lazy_ours if lazy else set()))
    return found


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_imports_make_no_circle(package: Path) -> None:
    """Imports point one way, lazy ones included."""
    try:
        TopologicalSorter(edges(package, lazy=True)).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_import_tower_of_the_runtime_is_low() -> None:
    """No chain of imports of the runtime, from one module to the next, is longer than the limit."""
    imported = {name: each for name, each in edges(PACKAGE, lazy=True).items() if name.startswith("_")}
    floors: dict[str, int] = {}
    for name in TopologicalSorter(imported).static_order():
        floors[name] = 1 + max((floors[each] for each in imported.get(name, ())), default=0)
    highest = max(floors, key=lambda name: floors[name])
    assert floors[highest] <= MAX_FLOORS, f"{highest} is on floor {floors[highest]}"
