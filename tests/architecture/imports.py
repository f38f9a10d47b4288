"""The imports of a source file, sorted by when they happen."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from .child import PACKAGE


@dataclass
class Imports:
    """What a module imports: of its own package (`ours`) and from elsewhere, when it is loaded or later (`lazy_*`)."""

    ours: set[str] = field(default_factory=set)
    lazy_ours: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    lazy_others: set[str] = field(default_factory=set)


def is_type_checking(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_of(source: Path) -> Imports:
    """Collect the imports that can happen at run time."""
    found = Imports()
    modules = {each.stem for each in PACKAGE.glob("*.py")} | {each.name for each in PACKAGE.iterdir() if each.is_dir()}

    def visit(node: ast.AST, lazy: bool) -> None:
        ours = found.lazy_ours if lazy else found.ours
        others = found.lazy_others if lazy else found.others
        for child in ast.iter_child_nodes(node):
            if is_type_checking(child):
                continue
            if isinstance(child, ast.ImportFrom) and child.level:
                names = [child.module] if child.module else [alias.name for alias in child.names]
                ours.update(name if name in modules or name == "_vendor" else "__init__" for name in names)
            elif isinstance(child, ast.ImportFrom):
                assert child.module
                others.add(child.module)
            elif isinstance(child, ast.Import):
                others.update(alias.name for alias in child.names)
            visit(child, lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    visit(ast.parse(source.read_text()), False)
    return found


def runtime_sources() -> dict[str, Path]:
    """Return the runtime's modules by name: the private ones, and the two that every package has."""
    return {path.stem: path for path in sorted(PACKAGE.glob("_*.py"))}
