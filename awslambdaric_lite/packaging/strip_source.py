"""Sources without what only people and type checkers read, with each line where it was."""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, order=True)
class _Cut:
    """A piece of the text, from a line and a byte of it (both from 0) to others, and what is put there."""

    start: tuple[int, int]
    end: tuple[int, int]
    instead: bytes = b""


@functools.cache
def lean(source: bytes) -> bytes:
    """Return a source without comments, docstrings, annotations and `if TYPE_CHECKING:`; it runs as before.

    Lines keep their numbers. What looks at annotations when it runs must not be treated like this.
    """
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    cuts: list[_Cut] = []
    for cut in sorted([*_comments(source, lines), *_of_the_tree(tree, lines)]):
        if not cuts or cut.start >= cuts[-1].end:  # else it is within another: a comment in a block for type checkers
            cuts.append(cut)
    for cut in reversed(cuts):  # what is before a cut keeps its place
        _make(cut, lines)
    return b"".join(line.rstrip() + b"\n" for line in lines)


def _make(cut: _Cut, lines: list[bytes]) -> None:
    (first, start), (last, end) = cut.start, cut.end
    rest = lines[last][end:]
    lines[first] = lines[first][:start] + cut.instead + (b"\n" if first != last else b"")
    for number in range(first + 1, last + 1):
        lines[number] = b"\n"
    if first == last:
        lines[first] += rest
    else:
        lines[last] = rest or b"\n"


def _comments(source: bytes, lines: list[bytes]) -> Iterator[_Cut]:
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            number, column = token.start[0] - 1, len(token.line[: token.start[1]].encode())
            yield _Cut((number, column), (number, len(lines[number].rstrip(b"\r\n"))))


def _of_the_tree(node: ast.AST, lines: list[bytes]) -> Iterator[_Cut]:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        yield _Cut(_start(node), _end(node), b"pass")
        return
    if isinstance(node, _DOCUMENTED) and _is_documented(node):
        alone = len(node.body) == 1 and not isinstance(node, ast.Module)
        yield _Cut(_start(node.body[0]), _end(node.body[0]), b"pass" if alone else b"")
    if isinstance(node, ast.AnnAssign):
        value = node.value
        yield (
            _Cut(_start(node), _end(node), b"pass") if value is None else _Cut(_end(node.target), _end(node.annotation))
        )
    if isinstance(node, ast.arg) and node.annotation is not None:
        number, column = _start(node)
        yield _Cut((number, column + len(node.arg.encode())), _end(node.annotation))
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
        yield _Cut(_arrow(node, lines), _end(node.returns))
    for child in ast.iter_child_nodes(node):
        yield from _of_the_tree(child, lines)


def _is_documented(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _arrow(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[bytes]) -> tuple[int, int]:
    """Where the ` ->` before what a function returns begins, which is on the same line."""
    assert node.returns is not None
    number, column = _start(node.returns)
    return number, len(lines[number][: lines[number].rindex(b"->", 0, column)].rstrip())


def _start(node: ast.expr | ast.stmt | ast.arg) -> tuple[int, int]:
    return node.lineno - 1, node.col_offset


def _end(node: ast.expr | ast.stmt | ast.arg) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.end_lineno - 1, node.end_col_offset
