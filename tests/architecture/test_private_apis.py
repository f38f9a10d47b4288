"""The private APIs of CPython that the runtime uses: each is listed in the documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.client_process import PROJECT

from .child import PACKAGE
from .imports import is_type_checking

PAGE = PROJECT / "docs" / "private-apis.md"
FOLDERS = ("", "_handlers", "_json", "_lifecycle", "_managed", "_official")
SOURCES = [path for folder in FOLDERS for path in sorted((PACKAGE / folder).glob("*.py"))]
DOCUMENTED = {"_thread", "_exit", "_getframe", "_asdict"}
# Names of AWS's client, of its log records, and of this package's start files: none is CPython's.
OTHERS = {"_frame_type", "_vendor", "_HANDLER", "_X_AMZN_TRACE_ID"}


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without the blocks that only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if not is_type_checking(node):
            yield node
            yield from run_time_nodes(node)


def is_private(name: str) -> bool:
    """Return whether a name is private by its form."""
    return re.fullmatch(r"_[A-Za-z][A-Za-z0-9_]*", name) is not None


def of_self(node: ast.Attribute) -> bool:
    """Return whether an attribute is that of the own object or class."""
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def names_of_the_package() -> set[str]:
    """Return the private names that the package defines itself: modules, functions, classes, variables, attributes."""
    own = {path.stem for path in SOURCES} | {folder for folder in FOLDERS if folder}
    for path in SOURCES:
        for node in run_time_nodes(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                own.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and of_self(node):
                own.add(node.attr)
    return own


def foreign_names(source: str) -> set[str]:
    """Return the private names that a module takes from others: imports, attributes, and names as text.

    Text counts in a subscript or a call, e.g. of `getattr` or of `sys.modules.get`, and in a tuple of module names.
    """
    found: set[str] = set()
    for node in run_time_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, (ast.Call, ast.Subscript, ast.Tuple)):
            parts = (
                node.args
                if isinstance(node, ast.Call)
                else [node.slice]
                if isinstance(node, ast.Subscript)
                else node.elts
            )
            found |= {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return {name for name in found if is_private(name)}


def used_names() -> set[str]:
    """Return the private names of CPython that the runtime uses."""
    used: set[str] = set()
    for path in SOURCES:
        if path.parent.name != "_official":  # which has the private names of AWS's client
            used |= foreign_names(path.read_text())
    return used - names_of_the_package() - DOCUMENTED - OTHERS | (used & {"_json", "_signal", "_thread"} - DOCUMENTED)


def listed_names() -> set[str]:
    """Return the private names in the first column of the table; skip the test of a wheel, which has no pages."""
    if not PAGE.exists():
        pytest.skip(f"no {PAGE}: only a checkout has the documentation")
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row) if is_private(name)}


def test_page_lists_every_private_name() -> None:
    """The documentation lists exactly the private names of CPython that the runtime uses."""
    assert used_names() == listed_names()


@pytest.mark.parametrize(
    "source",
    [
        "import _name",
        "from _name import a",
        "from a import _name",
        "import a._name",
        "a._name",
        "a.b._name()",
        "a._name = 1",
        "getattr(a, '_name', None)",
        "sys.modules['_name']",
        "sys.modules.get('_name')",
        "from a import b as _c\nx = [b for b in ('_name', 'd')]",
        "if not TYPE_CHECKING:\n    import _name",
    ],
)
def test_every_use_is_found(source: str) -> None:
    """A private name is found however the code reaches it."""
    assert foreign_names(source) == {"_name"}


def test_types_are_no_use() -> None:
    """Names that only type checkers read are not listed."""
    assert foreign_names("if TYPE_CHECKING:\n    from a import _name\nimport __future__\na.__name__\na.name") == set()
