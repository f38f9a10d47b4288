"""The imports of a source file, sorted by when they happen."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .child import PACKAGE

ROOT = PACKAGE.parent


@dataclass
class Imports:
    """The imports of a module: of its package (`ours`) and of others, when it is loaded or later (`lazy_*`)."""

    ours: set[str] = field(default_factory=set)
    lazy_ours: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    lazy_others: set[str] = field(default_factory=set)


def is_type_checking(node: ast.AST) -> bool:
    """Return whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def modules_below(folder: Path) -> dict[str, Path]:
    """Return the sources below a package's folder by dotted name; a package's own is `__init__` or `inner.__init__`."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts): path
        for path in sorted(folder.rglob("*.py"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def imports_of(source: Path, package: Path = PACKAGE) -> Imports:
    """Collect the imports that can happen at run time; names of `ours` are relative to the package."""
    found = Imports()
    modules = modules_below(package)
    here = source.relative_to(package).parent.parts

    def module_for(name: str) -> str:
        if name in modules or name.partition(".")[0] == "_vendor":
            return name
        return f"{name}.__init__" if name else "__init__"

    def internal(node: ast.ImportFrom) -> list[str] | None:
        """Return the modules that a `from … import …` of the package's own loads, None for another package."""
        if node.level:
            base = ".".join((*here[: len(here) - node.level + 1], *filter(None, [node.module])))
        elif node.module == package.name or (node.module or "").startswith(f"{package.name}."):
            base = (node.module or "")[len(package.name) + 1 :]
        else:
            return None
        if base in modules or base.partition(".")[0] == "_vendor":
            return [base]
        inner = [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
        return [name if name in modules else module_for(base) for name in inner]

    def visit(node: ast.AST, lazy: bool) -> None:
        ours = found.lazy_ours if lazy else found.ours
        others = found.lazy_others if lazy else found.others
        for child in ast.iter_child_nodes(node):
            if is_type_checking(child):
                continue
            if isinstance(child, ast.ImportFrom):
                names = internal(child)
                if names is not None:
                    ours.update(names)
                else:
                    assert child.module
                    others.add(child.module)
            elif isinstance(child, ast.Import):
                others.update(alias.name for alias in child.names)
            visit(child, lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    visit(ast.parse(source.read_text()), False)
    return found


def runtime_sources() -> dict[str, Path]:
    """Return the runtime's modules by name: the private ones, and the two that every package has."""
    return {name: path for name, path in modules_below(PACKAGE).items() if name.startswith("_")}
