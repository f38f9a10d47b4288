"""Compile sources. Run as a script, by the interpreter that the bytecode is for.

The script reads one `marshal`led list of (source, file name in stack traces) and writes, for each in turn, a
`marshal`led pair (bytecode, None) or (None, reason why it does not compile). It imports everything before it compiles
the first source, and keeps nothing of one for the next: objects in memory decide which references `marshal` writes.
Every Python from 3.10 on runs it.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules must not hide those of the standard library

import ast
import importlib.util
import marshal
import warnings

_UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: bit 0 a hash instead of date and size, bit 1 compare it
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if not isinstance(node, _DOCUMENTED):
            continue
        # Each of them: without the first string, a second one would become the docstring.
        while node.body and _is_text(node.body[0]):
            first = node.body.pop(0)
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.copy_location(ast.Pass(), first))
    return tree


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _bytecode(source: bytes, shown_as: str, strip_docstrings: bool) -> bytes:
    if strip_docstrings:
        tree = compile(source, shown_as, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, ast.Module)
        code = compile(_without_docstrings(tree), shown_as, "exec", dont_inherit=True, optimize=0)
    else:
        code = compile(source, shown_as, "exec", dont_inherit=True, optimize=0)
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source)
    return header + marshal.dumps(code)


def _main(strip_docstrings: bool) -> None:
    warnings.simplefilter("ignore")  # about the sources, which are not ours
    jobs = marshal.load(sys.stdin.buffer)
    for source, shown_as in jobs:
        answer: tuple[bytes | None, str | None]
        try:
            answer = (_bytecode(source, shown_as, strip_docstrings), None)
        except Exception as error:
            line = getattr(error, "lineno", None)
            text = str(getattr(error, "msg", None) or error) or type(error).__name__
            answer = (None, text if not line else f"line {line}: {text}")
        marshal.dump(answer, sys.stdout.buffer, 2)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main("--strip-docstrings" in sys.argv[1:])
