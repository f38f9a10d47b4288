"""The layer's start file: the same modules as an import gives, in each of its forms."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.start_file import cold_modules, layer_start_file, module_name
from tests.support.client_process import GUARD

# Imports the package of a folder, as `start.py` and functions do, and prints its findings.
LOOK = """
import json, sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
sys.path.insert(0, sys.argv[1])
import awslambdaric_lite
opened.clear()
before = set(sys.modules)
{code}
"""
COLD = """
from awslambdaric_lite import _runtime, _wrapper_start
loaded = sorted(name for name in sys.modules if name.startswith("awslambdaric_lite."))
json.dump([loaded, [str(name) for name in opened if "awslambdaric_lite" in str(name)]], sys.stdout)
"""
EVERY = """
import builtins, importlib
builtins.open = None  # replaced by user code
sys.path_importer_cache.clear()
importlib.invalidate_caches()
def functions(module):
    for name, value in sorted(vars(module).items()):
        code = getattr(value, "__code__", None)
        if code is not None and getattr(value, "__module__", "") == module.__name__:
            yield name, [code.co_filename, code.co_firstlineno, [line for _, _, line in code.co_lines()]]
found = {}
for name in sys.argv[2:]:
    module = importlib.import_module("awslambdaric_lite." + name)
    inner = hasattr(module, "__path__")
    assert module.__spec__.name == module.__name__ and module.__loader__.is_package(module.__name__) == inner
    assert module.__package__ == (module.__name__ if inner else module.__name__.rpartition(".")[0])
    source = module.__loader__.get_source(module.__name__)
    found[name] = [module.__file__, dict(functions(module)), source]
try:
    import awslambdaric_lite.nothing
except ModuleNotFoundError as error:
    found["error"] = str(error)
json.dump(found, sys.stdout)
"""

AT = "/opt/python/lib/python3.x/site-packages"
FILES = {module_name(file): file for file in runtime_sources()}
MODULES = sorted(FILES.keys() - {"__init__", "__main__"})

Form = Callable[[], "dict[str, bytes]"]
FORMS: dict[str, Form] = {
    "full": lambda: layer_start_file(runtime_sources(), {}, AT, Path(sys.executable), small=False),
    "small": lambda: layer_start_file(runtime_sources(), {}, AT, Path(sys.executable), small=True),
    "sources": lambda: layer_start_file(runtime_sources(), {}, AT, None, small=True),
}


@pytest.fixture(scope="module", params=FORMS)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return the name of a form, and a folder with the package in it."""
    folder = tmp_path_factory.mktemp("site-packages")
    for name, content in FORMS[request.param]().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return request.param, folder


def look(folder: Path, code: str, *arguments: str) -> Any:
    """Run Python code with the package and nothing else of ours on the path."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", LOOK.replace("{code}", code), str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_start_reads_no_further_file(package: tuple[str, Path]) -> None:
    """A start executes the cold modules without opening another file, if they are compiled."""
    form, folder = package
    loaded, opened = look(folder, COLD)
    names = {module: runtime_sources()[file] for module, file in FILES.items()}
    beside = {"_wrapper_start"} | ({"_framed_sink"} if form != "sources" else set())
    assert set(loaded) == {f"awslambdaric_lite.{name}" for name in {*cold_modules(names), *beside}}
    assert opened == ([] if form != "sources" else [f"{folder}/awslambdaric_lite/lazy.bin"] * len(opened))
    later = look(
        folder, "from awslambdaric_lite import _runtime; json.dump(sorted(set(sys.modules) - before), sys.stdout)"
    )
    assert (later == []) == (form != "sources")


def test_every_module_can_be_imported(package: tuple[str, Path]) -> None:
    """All modules are found under their own names, also after the import system's caches are cleared."""
    form, folder = package
    found = look(folder, EVERY, *MODULES)
    assert found.pop("error") == "No module named 'awslambdaric_lite.nothing'"
    assert list(found) == MODULES
    shown = folder if form == "sources" else AT
    for name, (file, functions, source) in found.items():
        assert file == f"{folder}/{FILES[name]}"
        if form != "sources" and source is None:
            assert all(file == f"{shown}/{FILES[name]}" for file, _, _ in functions.values())
    compiled = {name for name, (_, _, source) in found.items() if source is None}
    if form == "full":
        assert compiled == set(MODULES)
    elif form == "small":
        assert {"_runtime", "_client", "_codec", "_wrapper_start"} <= compiled < set(MODULES)
    else:
        assert not compiled


def test_line_numbers_are_the_sources(package: tuple[str, Path]) -> None:
    """Compiled code has the line numbers of the sources; in the small form those of functions' first lines."""
    form, folder = package
    for name, (_, functions, source) in list(look(folder, EVERY, *MODULES).items())[:-1]:
        written = ast.parse(runtime_sources()[FILES[name]])
        first = {node.name: node.lineno for node in written.body if isinstance(node, ast.FunctionDef)}
        for function, (_, line, lines) in functions.items():
            if function in first and (form != "small" or source is None):
                assert line == first[function]
            if form == "small" and source is None:
                assert set(lines) == {line}
    if form == "full":
        assert len({line for _, _, lines in functions.values() for line in lines}) >= len(functions)


def test_same_bytes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash seed and the order of the sources do not change a byte."""
    once = FORMS["full"]()
    monkeypatch.setenv("PYTHONHASHSEED", "123")
    turned = dict(reversed(runtime_sources().items()))
    assert layer_start_file(turned, {}, AT, Path(sys.executable), small=False) == once
    assert layer_start_file(turned, {}, AT, None, small=True) == layer_start_file(
        runtime_sources(), {}, AT, None, small=True
    )
