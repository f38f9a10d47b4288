"""The parts of a source that `strip` removes, and those that it keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.strip_source import minify, strip

SOURCES = {name: source for name, source in runtime_sources().items() if not name.endswith("/types.py")}

CASES = {
    "a comment": ("a = 1  # one\n# two\nb = '# three'\n", "a = 1\n\nb = '# three'\n"),
    "docstrings": (
        '"""Of the module."""\ndef f():\n    """Two\n    lines."""\n    return 1\n',
        "\ndef f():\n\n\n    return 1\n",
    ),
    "nothing but a docstring": (
        'class E(Exception):\n    """An error."""\n',
        "class E(Exception):\n    pass\n",
    ),
    "annotations": (
        "def f(a: int, *b: 'x', c: 'dict[str, int]' = 3, **d: int) -> 'None': pass\n",
        "def f(a, *b, c = 3, **d): pass\n",
    ),
    "annotations on lines": (
        "def f(\n    a: 'é',  # é\n    b: int = 1,\n) -> 'x':\n    pass\n",
        "def f(\n    a,\n    b = 1,\n):\n    pass\n",
    ),
    "variables": ("a: int = 1\nself.b: 'x | None' = None\n", "a = 1\nself.b = None\n"),
    "a variable without value": ("class A:\n    b: int\n", "class A:\n    pass\n"),
    "for type checkers": (
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from a import b  # c\n\n    x: int\nc = 1\n",
        "TYPE_CHECKING = False\npass\n\n\n\nc = 1\n",
    ),
    "text in several lines": ("a = '''\n  # no comment\n'''\n", "a = '''\n  # no comment\n'''\n"),
}


@pytest.mark.parametrize(("source", "expected"), CASES.values(), ids=CASES)
def test_source_is_stripped(source: str, expected: str) -> None:
    """Comments, docstrings and annotations are removed; every other line keeps its number."""
    assert strip(source.encode()).decode() == expected


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class _Bare(ast.NodeTransformer):
    """A transformer that removes the same parts from the tree."""

    def visit(self, node: ast.AST) -> Any:
        self.generic_visit(node)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return ast.Pass()
        if isinstance(node, ast.AnnAssign):
            return ast.Pass() if node.value is None else ast.Assign([node.target], node.value)
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node
        ):
            del node.body[0]
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.Pass())
        return node


def _lines_of_functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno


@pytest.mark.parametrize("name", SOURCES)
def test_stripped_runtime_is_equivalent(name: str) -> None:
    """The syntax tree is that of the source without these parts; stripping again changes nothing."""
    source = SOURCES[name]
    result = strip(source)
    assert ast.dump(ast.parse(result)) == ast.dump(_Bare().visit(ast.parse(source)))
    assert list(_lines_of_functions(ast.parse(result))) == list(_lines_of_functions(ast.parse(source)))
    assert strip(result) == result


def test_minified_source_does_the_same() -> None:
    """A minified source keeps the names that others may use, and does the same."""
    source = b"""
_GLOBAL = 2

def function(argument, *, keyword=1):
    local = argument + keyword
    return local * _GLOBAL
"""
    result = minify(source)
    assert len(result) < len(source)
    space: dict[str, Any] = {}
    exec(result, space)
    assert space["function"](argument=1, keyword=2) == 6 and space["_GLOBAL"] == 2
