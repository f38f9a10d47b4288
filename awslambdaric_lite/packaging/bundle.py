"""The runtime's cold modules as one file, for packages that are deployed.

A dozen small modules are pleasant to read and cost the interpreter a search and three files' worth of system calls
each, at every cold start. Where bytecode is packed anyway it is packed like this: the bytecode of the package's
`__init__` holds that of the modules which every start needs, and puts them into `sys.modules` itself. Nothing else
changes: a module keeps its name, its file name in stack traces, and its own globals.
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Iterable, Mapping
from pathlib import Path

from .bytecode import run_worker

_WORKER = Path(__file__).with_name("bundle_worker.py")
_FIRST = "_runtime"  # imports all modules of the cold path, and is imported by none
_INIT = "__init__"


def bundle(
    sources: Mapping[str, bytes], bytecode: Mapping[str, bytes], interpreter: Path, *, package: str
) -> dict[str, bytes]:
    """Return the bytecode with the cold modules moved into that of the package's `__init__`.

    `sources` and `bytecode` are by the same names, such as `awslambdaric_lite/_http.py`; the interpreter is one of the
    version that the bytecode is for. The same input gives the same bytes.

    Raises:
        PackagingError: the interpreter cannot be run.
    """
    modules = cold_modules({_module(name, package): source for name, source in sources.items()})
    names = [f"{package}/{module}.py" for module in modules]
    init = f"{package}/{_INIT}.py"
    job = (bytecode[init], [(module, bytecode[name]) for module, name in zip(modules, names, strict=True)])
    joined = run_worker(_WORKER, marshal.dumps(job, 2), interpreter)
    kept = {name: pyc for name, pyc in bytecode.items() if name not in names}
    return {**kept, init: joined}


def cold_modules(sources: Mapping[str, bytes], first: str = _FIRST) -> list[str]:
    """Return the modules that come with the import of one, itself last, in the order in which they are executed.

    Those count that it imports unconditionally, by `from ._module import name` at the top level of the module, and
    theirs.
    """
    found: dict[str, None] = {}

    def visit(module: str) -> None:
        for imported in _imports(sources[module]):
            if imported in sources and imported != _INIT and imported not in found:
                visit(imported)
        found[module] = None

    visit(first)
    return list(found)


def _imports(source: bytes) -> Iterable[str]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom) and statement.level == 1:
            yield from [statement.module] if statement.module else [alias.name for alias in statement.names]


def _module(name: str, package: str) -> str:
    return name.removeprefix(f"{package}/").removesuffix(".py")
