"""The program that compiles sources: run by file, under the interpreter whose bytecode is wanted.

It reads one `marshal`led list of (source, file name to be shown) and writes, for each in turn, a `marshal`led pair
(bytecode, None) or (None, why it does not compile). Everything is imported before the first of them is compiled, and
nothing of one is kept for the next: what is in memory decides which objects `marshal` writes as references.
Understood by every Python from 3.10 on.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules must not be taken for others of the same name

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
        # Each of them: a second string would become the docstring when the first is gone.
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
    warnings.simplefilter("ignore")  # about the sources: not what was asked for
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
