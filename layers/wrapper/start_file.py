"""The runtime as one piece: bytecode of what each start needs in one file, everything else tightly packed in another.

A dozen small modules are pleasant to read, and at every cold start cost the interpreter a search and a few system calls
each. A finder that follows the package's own `__init__` gives out its modules one by one, so nothing else changes: a
module keeps its name, its globals, its file name in stack traces, and is executed when it is imported.

There are three forms, because bytecode packs half as well as sources, and the layer without orjson is to be small:

- full: everything is bytecode, with line numbers;
- small: what each start needs is bytecode that knows the first lines of its functions; the rest, for handlers that log,
  stream, await, fail in odd ways or run on Managed Instances, are minified sources, compiled when they are needed;
- sources: where there is no interpreter of the version that could compile anything.
"""

from __future__ import annotations

import marshal
from pathlib import Path

from awslambdaric_lite.packaging.bytecode import run_worker
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.start_file import cold_modules, module_name
from awslambdaric_lite.packaging.strip_source import lean

from .minified import minified

PACKAGE = "awslambdaric_lite"
_Module = tuple[list[bytes], str]
_FINDER = Path(__file__).with_name("in_layer") / "finder.py"
_ATTACH = b"_attach(__name__, __path__, type(__spec__))\n"
_WORKER = Path(__file__).with_name("start_file_worker.py")
_BESIDE = ["_framed_sink", "_wrapper_start"]  # what each start of this layer needs beside the cold modules
_ANNOTATED = "types"  # whose annotations are its content
_ELSEWHERE = {"__init__", "__main__"}

# What the finder has in the place of names and code that only the builder knows.
_FIRST_HERE, _LAZY_HERE = "modules that are executed at each start", "names in lazy.bin"


def one_piece(
    sources: dict[str, bytes], others: dict[str, bytes], at: str, interpreter: Path, *, small: bool
) -> dict[str, bytes]:
    """Return the files of the package by their names below `site-packages`.

    Args:
        sources: the runtime's modules, by names such as `awslambdaric_lite/_http.py`.
        others: further modules that become bytecode files of their own.
        at: where `site-packages` is when it runs, such as `/opt/python/lib/python3.13/site-packages`.
        interpreter: of the version that the bytecode is for.
        small: the small form, else the full one.

    Raises:
        PackagingError: the interpreter cannot be run, or does not compile a module.
    """
    texts, files = _texts(sources), {module_name(file, PACKAGE): file for file in sources}
    first = [*cold_modules(texts), *_BESIDE]  # in the order of their execution
    lazy = set(texts) - {*first, *_ELSEWHERE}

    def module(name: str, further: bytes = b"") -> _Module:
        ways = [minified(texts[name]), texts[name]] if small else [texts[name]]
        return [way + further for way in ways], f"{at}/{files[name]}"

    job = {
        "package": module("__init__", lean(_FINDER.read_bytes()) + _ATTACH),
        "first": {name: module(name) for name in first},
        "first here": _FIRST_HERE,
        "lazy": {} if small else {name: module(name) for name in lazy},
        "lazy here": _LAZY_HERE,
        "sources": {name: module(name) for name in lazy} if small else {},
        "others": {name: ([source], f"{at}/{name}") for name, source in others.items()},
        "lines": not small,
    }
    answer = run_worker(_WORKER, marshal.dumps(job, 2), interpreter)
    try:
        package, rest, compiled = marshal.loads(answer)
    except (EOFError, ValueError, TypeError):
        raise PackagingError(f"{interpreter} ended when it compiled the runtime; name another interpreter") from None
    return {
        f"{PACKAGE}/__init__.pyc": package,
        f"{PACKAGE}/lazy.bin": rest,
        **{f"{name}c": bytecode for name, bytecode in compiled.items()},
    }


def one_piece_of_sources(sources: dict[str, bytes], others: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of the package by their names below `site-packages`, without any bytecode."""
    texts = _texts(sources)
    lazy = {name: (None, texts[name]) for name in sorted(set(texts) - _ELSEWHERE)}
    finder = lean(_FINDER.read_bytes()).decode()
    for placeholder, value in ((_FIRST_HERE, ()), (_LAZY_HERE, tuple(lazy))):
        finder = finder.replace(f'"{placeholder}"', repr(value))
    return {
        f"{PACKAGE}/__init__.py": texts["__init__"] + finder.encode() + _ATTACH,
        f"{PACKAGE}/lazy.bin": marshal.dumps(lazy, 2),
        **others,
    }


def _texts(sources: dict[str, bytes]) -> dict[str, bytes]:
    modules = {module_name(name, PACKAGE): source for name, source in sources.items()}
    return {name: source if name == _ANNOTATED else lean(source) for name, source in modules.items()}
