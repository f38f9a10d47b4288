"""What `lean` takes away from a source, and what it leaves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.strip_source import lean

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
def test_lean(source: str, expected: str) -> None:
    """What is taken away, with every other line where it was."""
    assert lean(source.encode()).decode() == expected


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class _Bare(ast.NodeTransformer):
    """Takes the same away from the tree."""

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
def test_the_runtimes_own_sources(name: str) -> None:
    """The syntax tree is what is left of the original one; functions begin where they began; a second time is none."""
    source = SOURCES[name]
    result = lean(source)
    assert ast.dump(ast.parse(result)) == ast.dump(_Bare().visit(ast.parse(source)))
    assert list(_lines_of_functions(ast.parse(result))) == list(_lines_of_functions(ast.parse(source)))
    assert lean(result) == result
