"""Sources without the parts that only people and type checkers read; each line keeps its number."""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Iterator
from itertools import accumulate

from .errors import PackagingError

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_Cut = tuple[int, int, bytes]  # from a byte of the source to another, and what replaces the text between them


@functools.cache
def strip(source: bytes) -> bytes:
    """Return a source without comments, docstrings, annotations and `if TYPE_CHECKING:`; it runs as before.

    Lines keep their numbers. Do not strip a module whose annotations are read when it runs.
    """
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    kept, done = [], 0
    for start, end, instead in sorted([*_comments(source, starts), *_cuts_of(ast.parse(source), source, starts)]):
        if start >= done:  # else it is within another: a comment in a block for type checkers
            kept += [source[done:start], instead, b"\n" * source.count(b"\n", start, end)]
            done = end
    text = b"".join(kept) + source[done:]
    return b"".join(line.rstrip() + b"\n" for line in text.splitlines())


@functools.cache
def minify(source: bytes) -> bytes:
    """Return a stripped source in fewer lines, with short names for what is local to functions.

    The result may have the syntax of the running Python, which an older one cannot compile.

    Raises:
        PackagingError: the library for it is missing.
    """
    try:
        import python_minifier
    except ModuleNotFoundError:
        raise PackagingError(
            "layers without orjson need python-minifier to fit their size budget; "
            "install it with: pip install 'awslambdaric-lite[layers]'"
        ) from None
    text: str = python_minifier.minify(source.decode(), hoist_literals=False)
    return text.encode() + b"\n"


def _comments(source: bytes, starts: list[int]) -> Iterator[_Cut]:
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            start = starts[token.start[0] - 1] + len(token.line[: token.start[1]].encode())
            yield start, start + len(token.string.encode()), b""


def _cuts_of(node: ast.AST, source: bytes, starts: list[int]) -> Iterator[_Cut]:
    def start(of: ast.expr | ast.stmt | ast.arg) -> int:
        return starts[of.lineno - 1] + of.col_offset

    def end(of: ast.expr | ast.stmt | ast.arg) -> int:
        assert of.end_lineno is not None and of.end_col_offset is not None
        return starts[of.end_lineno - 1] + of.end_col_offset

    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        yield start(node), end(node), b"pass"
        return
    if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        alone = len(node.body) == 1 and not isinstance(node, ast.Module)
        yield start(node.body[0]), end(node.body[0]), b"pass" if alone else b""
    if isinstance(node, ast.AnnAssign):
        yield (start(node), end(node), b"pass") if node.value is None else (end(node.target), end(node.annotation), b"")
    if isinstance(node, ast.arg) and node.annotation is not None:
        yield start(node) + len(node.arg.encode()), end(node.annotation), b""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
        arrow = source.rindex(b"->", 0, start(node.returns))
        yield len(source[:arrow].rstrip()), end(node.returns), b""
    for child in ast.iter_child_nodes(node):
        yield from _cuts_of(child, source, starts)
