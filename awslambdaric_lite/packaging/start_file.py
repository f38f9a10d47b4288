"""What starts the runtime where it is deployed with bytecode: one file with all that each start needs.

A dozen small modules are pleasant to read and cost the interpreter a search and three files' worth of system calls
each, at every cold start, and `__main__.py` is compiled at each. A script of bytecode beside the modules makes them
instead: `python -S …/awslambdaric_lite/start-3.13.pyc`. Nothing else changes: a module keeps its name, its loader, its
file name and lines in stack traces, and its own globals; and its own file, which is imported where that script is not
run. The code in there lacks what only people and type checkers read.
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Iterable, Mapping
from pathlib import Path

from .bytecode import run_worker
from .errors import PackagingError
from .strip_source import lean

_HERE = Path(__file__).parent
_WORKER = _HERE / "start_worker.py"
_IN_PACKAGE = _HERE / "in_package"
_FIRST = "_runtime"  # imports all modules of the cold path, and is imported by none
_INIT = "__init__"


def start_files(
    sources: Mapping[str, bytes], interpreter: Path, *, package: str, version: str, at: str, sourceless: bool = False
) -> dict[str, bytes]:
    """Return the script and what it reads: `awslambdaric_lite/start-3.13.pyc` and `.bin`.

    The same input gives the same bytes. Another Python than that of the version refuses the script ("Bad magic number",
    exit status 1), so it must be known by whoever runs it.

    Args:
        sources: the package's modules, by names such as `awslambdaric_lite/_http.py`.
        interpreter: one of that version.
        package: the package's name.
        version: such as `3.13`.
        at: the folder that the package's folder is going to lie in, such as `/var/task`.
        sourceless: whether the modules' own files are bytecode in the place of sources (`_http.pyc`), else they are
            sources with bytecode in `__pycache__`.

    Raises:
        PackagingError: the interpreter cannot be run, or does not compile a module.
    """
    texts = {module_name(name, package): source for name, source in sources.items()}

    def module(name: str) -> tuple[str, bytes, str]:
        return name, lean(texts[name]), f"{at}/{package}/{name}.py"

    stem = f"start-{version}"
    job = {
        "script": lean((_IN_PACKAGE / "start_script.py").read_bytes()),
        "maker": lean((_IN_PACKAGE / "start_modules.py").read_bytes()),
        "shown as": f"<{stem}>",
        "init": module(_INIT),
        "modules": [module(name) for name in cold_modules(texts)],
        "values": {
            "name of the package": package,
            "name of the loader": "SourcelessFileLoader" if sourceless else "SourceFileLoader",
            "extension": ".pyc" if sourceless else ".py",
        },
    }
    answer = run_worker(_WORKER, marshal.dumps(job, 2), interpreter)
    try:
        script, modules = marshal.loads(answer)
    except (EOFError, ValueError, TypeError):
        raise PackagingError(f"{interpreter} ended when it compiled the runtime; name another interpreter") from None
    return {f"{package}/{stem}.pyc": script, f"{package}/{stem}.bin": modules}


def cold_modules(sources: Mapping[str, bytes], first: str = _FIRST) -> list[str]:
    """Return the modules that come with the import of one, itself last, in the order in which they are executed.

    Those count that it imports unconditionally, by `from ._module import name` at the top level of the module, and
    theirs. Cold modules lie in the package's folder itself, not in the folders below it.
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


def module_name(file: str, package: str) -> str:
    """Return the name below the package of a module's file: `_http`, `_json.compatible`, `_json` for its `__init__`."""
    name = file.removeprefix(f"{package}/").removesuffix(".py").replace("/", ".")
    return name.removesuffix(f".{_INIT}")
