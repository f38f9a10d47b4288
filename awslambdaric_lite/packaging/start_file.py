"""Start files: one file with the bytecode of all modules that each start needs.

Small modules are pleasant to read. At every cold start each of them costs the interpreter a search and the system calls
for three files, and a script of source is compiled. A start file makes all modules together. Nothing else changes: a
module keeps its name, its file name and lines in stack traces, and its globals, and lacks what only people and type
checkers read.

There are two writers:

- `package_start_file` is for packages that have the runtime's modules as files, too: a script of bytecode makes the
  modules as an import would make them (`python -S …/awslambdaric_lite/start-3.13.pyc`). Code that reloads a module, or
  does not start that script, imports the files.
- `layer_start_file` is for the layer of managed runtimes, which is small because it has no other modules: the package's
  `__init__` contains the cold modules and finds all others in one file, `lazy.bin`.
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .bytecode import run_worker
from .errors import PackagingError
from .strip_source import minify, strip

PACKAGE = "awslambdaric_lite"

_Lazy = dict[str, tuple[bytes | None, bytes | None]]  # code, or a source

_WORKER = Path(__file__).with_name("start_file_worker.py")
_DEPLOYED = Path(__file__).with_name("deployed")  # what runs on Lambda
_FIRST = "_runtime"  # imports all modules of the cold path, and no module imports it
_INIT, _MAIN = "__init__", "__main__"
_COLD_IN_LAYER = ("_framed_sink", "_wrapper_start")  # further modules of each start of the layer
_ANNOTATED = "types"  # its annotations are its content
_ATTACH = b"_attach(__name__, __path__, type(__spec__))\n"
_COLD_HERE, _LAZY_HERE = "modules that are executed at each start", "names in lazy.bin"  # constants of the finder


def package_start_file(
    sources: Mapping[str, bytes], interpreter: Path, *, version: str, at: str, sourceless: bool = False
) -> dict[str, bytes]:
    """Return the script and what it reads: `awslambdaric_lite/start-3.13.pyc` and `.bin`.

    The same input gives the same bytes. Other versions of Python refuse the script ("Bad magic number", exit status 1).

    Args:
        sources: the runtime's modules, by names such as `awslambdaric_lite/_http.py`.
        interpreter: one of that version.
        version: the version of Python, e.g. `3.13`.
        at: the folder that will contain the package's folder, e.g. `/var/task`.
        sourceless: whether the modules' own files are bytecode that replaces the sources (`_http.pyc`), else they are
            sources with bytecode in `__pycache__`.

    Raises:
        PackagingError: the interpreter cannot be run, or does not compile a module.
    """
    texts = {module_name(name): source for name, source in sources.items()}

    def module(name: str) -> dict[str, Any]:
        return _module([strip(texts[name])], f"{at}/{PACKAGE}/{name}.py")

    stem = f"start-{version}"
    values = {
        "name of the package": PACKAGE,
        "name of the loader": "SourcelessFileLoader" if sourceless else "SourceFileLoader",
        "extension": ".pyc" if sourceless else ".py",
        "code of the package": module(_INIT),
        "modules": [[name, module(name)] for name in cold_modules(texts)],
    }
    script, makes = (
        _module([strip((_DEPLOYED / f"start_{name}.py").read_bytes())], f"<{stem}>") for name in ("script", "modules")
    )
    (script_file, _), (modules_file, _) = _compile([_part(script, pyc=True), _part(makes, values)], interpreter)
    return {f"{PACKAGE}/{stem}.pyc": script_file, f"{PACKAGE}/{stem}.bin": modules_file}


def layer_start_file(
    sources: Mapping[str, bytes], others: Mapping[str, bytes], at: str, interpreter: Path | None, *, small: bool
) -> dict[str, bytes]:
    """Return all files of the package, by their names below `site-packages`.

    There are three forms, because bytecode compresses half as well as sources, and the layer without orjson is small:

    - full: all code is bytecode with line numbers;
    - small: the cold modules are bytecode that knows the first lines of its functions; all others are minified sources,
      which are compiled when they are needed;
    - sources, where no interpreter compiles them.

    Args:
        sources: the runtime's modules, by names such as `awslambdaric_lite/_http.py`.
        others: further modules, each of which becomes a file.
        at: the folder `site-packages` on Lambda, e.g. `/opt/python/lib/python3.13/site-packages`.
        interpreter: one of the version that the bytecode is for; None for the form of sources.
        small: whether to write the small form.

    Raises:
        PackagingError: the interpreter cannot be run, or does not compile a module.
    """
    files = {module_name(file): file for file in sources}
    texts = {name: sources[file] if name == _ANNOTATED else strip(sources[file]) for name, file in files.items()}
    finder = strip((_DEPLOYED / "finder.py").read_bytes()) + _ATTACH
    if interpreter is None:
        names = sorted(texts.keys() - {_INIT, _MAIN})
        for placeholder, value in ((_COLD_HERE, ()), (_LAZY_HERE, tuple(names))):
            finder = finder.replace(f'"{placeholder}"'.encode(), repr(value).encode())
        return _layer_files(".py", texts[_INIT] + finder, {name: (None, texts[name]) for name in names}, others)

    cold = [*cold_modules(texts), *_COLD_IN_LAYER]
    names = sorted(texts.keys() - {*cold, _INIT, _MAIN})

    def module(name: str, further: bytes = b"") -> dict[str, Any]:
        writings = [minify(texts[name]), texts[name]] if small else [texts[name]]
        return _module([writing + further for writing in writings], f"{at}/{files[name]}")

    values = {_COLD_HERE: [[name, module(name)] for name in cold], _LAZY_HERE: names}
    parts = [_part(module(_INIT, finder), values, pyc=True)]
    parts += [_part(module(name)) for name in names]
    parts += [_part(_module([others[name]], f"{at}/{name}"), pyc=True) for name in sorted(others)]
    # Without columns the code is a third smaller, and AWS's stack traces do not show them.
    compiled = _compile(parts, interpreter, flags=("-X", "no_debug_ranges"), first_lines_only=small)
    (init, _), *rest = compiled
    lazy: _Lazy = {}
    for name, (code, source) in zip(names, rest, strict=False):
        lazy[name] = (None, source) if small else (code, None)
    own_files = {f"{name}c": code for name, (code, _) in zip(sorted(others), rest[len(names) :], strict=True)}
    return _layer_files(".pyc", init, lazy, own_files)


def cold_modules(sources: Mapping[str, bytes], first: str = _FIRST) -> list[str]:
    """Return the modules that come with the import of one, itself last, in the order in which they are executed.

    These are the modules that it imports unconditionally, by `from ._module import name` at the top level of the
    module, and those that they import. Cold modules lie in the package's folder itself, not in the folders below it.
    """
    found: dict[str, None] = {}

    def visit(module: str) -> None:
        for imported in _imports(sources[module]):
            if imported in sources and imported != _INIT and imported not in found:
                visit(imported)
        found[module] = None

    visit(first)
    return list(found)


def module_name(file: str) -> str:
    """Return the name below the package of a module's file: `_http`, `_json.compatible`, `_json` for its `__init__`."""
    name = file.removeprefix(f"{PACKAGE}/").removesuffix(".py").replace("/", ".")
    return name.removesuffix(f".{_INIT}")


def _imports(source: bytes) -> Iterable[str]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom) and statement.level == 1:
            yield from [statement.module] if statement.module else [alias.name for alias in statement.names]


def _layer_files(suffix: str, init: bytes, lazy: _Lazy, others: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{PACKAGE}/__init__{suffix}": init, f"{PACKAGE}/lazy.bin": marshal.dumps(lazy, 2), **others}


def _module(writings: list[bytes], shown_as: str) -> dict[str, Any]:
    return {"writings": writings, "shown as": shown_as}


def _part(module: dict[str, Any], values: Mapping[str, Any] | None = None, *, pyc: bool = False) -> dict[str, Any]:
    return {**module, "values": values or {}, "pyc": pyc}


def _compile(
    parts: list[dict[str, Any]], interpreter: Path, *, flags: Sequence[str] = (), first_lines_only: bool = False
) -> list[tuple[bytes, bytes]]:
    """Compile parts, as `start_file_worker` describes them; return the bytes and the source of each."""
    output = run_worker(_WORKER, marshal.dumps((parts, first_lines_only), 2), interpreter, flags=flags)
    try:
        return list(marshal.loads(output))
    except (EOFError, ValueError, TypeError):
        raise PackagingError(f"{interpreter} exited while it compiled the runtime; name another interpreter") from None
