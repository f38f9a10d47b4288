"""A package whose cold modules are in one file behaves as the one it was made from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.bundle import bundle, cold_modules
from awslambdaric_lite.packaging.bytecode import HEADER_SIZE, cache_path, compile_sources
from awslambdaric_lite.packaging.runtime import runtime_sources

from ...architecture.test_cold_path import listed
from ...support.client_process import run_client
from ...support.runtime_messages import Event

PACKAGE = "awslambdaric_lite"
INIT = f"{PACKAGE}/__init__.py"
VERSION = "{}.{}".format(*sys.version_info)
INTERPRETER = Path(sys.executable)

# Says for every module of the package what the import system and tools would look at.
LOOK = f"""
import sys, awslambdaric_lite._runtime
names = sorted(name for name in sys.modules if name.startswith("{PACKAGE}"))
print({{
    name: [
        sys.modules[name].__file__,
        sys.modules[name].__package__,
        sys.modules[name].__spec__.name,
        sys.modules[name].__spec__.parent,
        sys.modules[name].__spec__.has_location,
        sorted(name for name in vars(sys.modules[name]) if not name.startswith("__")),
    ]
    for name in names
}})
"""

# What tools do that clear modules away, reload them, or look for their code.
AGAIN = f"""
import importlib, importlib.util, sys
import {PACKAGE}._runtime
for name in sorted(name for name in sys.modules if name.startswith("{PACKAGE}.")):
    module = sys.modules[name]
    assert module.__spec__.loader.get_code(name).co_filename == module.__file__, name
    assert importlib.reload(module) is module, name
    del sys.modules[name]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    again = importlib.import_module(name)
    assert again is not module and sys.modules["{PACKAGE}"].__dict__[name.rpartition(".")[2]] is again, name
    print(name, again.__file__, again.__spec__.origin)
assert importlib.util.find_spec("{PACKAGE}.nothing") is None
"""


def compiled(folder: Path) -> dict[str, bytes]:
    """Return the bytecode of the runtime as it is when it is deployed in a folder."""
    sources = {name: (source, str(folder / name)) for name, source in runtime_sources().items()}
    result = compile_sources(sources, INTERPRETER)
    assert not result.failures
    return result.bytecode


def bundled(folder: Path) -> dict[str, bytes]:
    """Return the same in the form that this is about."""
    return bundle(runtime_sources(), compiled(folder), INTERPRETER, package=PACKAGE)


def deploy(folder: Path, bytecode: Mapping[str, bytes]) -> Path:
    """Write sources and bytecode to where they say they are; return the folder."""
    for name, content in runtime_sources().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time(), 0))  # no date that anybody packed
    for name, content in bytecode.items():
        path = folder / cache_path(name, VERSION)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def look(folder: Path, code: str = LOOK) -> str:
    """Import the runtime from a folder in a fresh interpreter; return what it looks like there."""
    return subprocess.run(
        [sys.executable, "-S", "-B", "-c", code],
        cwd=folder,  # comes first on the path, whatever is in PYTHONPATH
        env={},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_cold_modules_are_those_that_a_cold_start_loads() -> None:
    """The list that a test of a fresh interpreter asserts, found by reading the sources."""
    sources = {Path(name).stem: source for name, source in runtime_sources().items()}
    expected = {name.removeprefix(f"{PACKAGE}.") for name in listed() if name.startswith(f"{PACKAGE}.")}
    modules = cold_modules(sources)
    assert set(modules) == expected
    assert modules[-1] == "_runtime"


def test_modules_are_executed_after_those_that_they_import() -> None:
    """Imports that only checkers follow do not count, nor those inside of functions."""
    sources = {
        "_runtime": b"from ._b import x\nfrom . import _c, name_of_the_package\nimport sys\n",
        "_b": b"TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from ._d import y\nfrom ._c import z\n",
        "_c": b"def f():\n    from ._d import y\n",
        "_d": b"",
        "__init__": b"",
    }
    assert cold_modules(sources) == ["_c", "_b", "_runtime"]


def test_every_cold_module_looks_the_same(tmp_path: Path) -> None:
    """Its name, its file, its package and its globals; none is missing, none is new."""
    plain = look(deploy(tmp_path, compiled(tmp_path)))
    for path in tmp_path.rglob("*.pyc"):
        path.unlink()
    assert look(deploy(tmp_path, bundled(tmp_path))) == plain


def test_every_cold_module_can_be_imported_again(tmp_path: Path) -> None:
    """Also after the import system has forgotten where it found the package's modules."""
    plain = look(deploy(tmp_path, compiled(tmp_path)), AGAIN)
    assert "_runtime" in plain
    folder = deploy(tmp_path, bundled(tmp_path))
    for module in cold_modules({Path(name).stem: source for name, source in runtime_sources().items()}):
        (folder / PACKAGE / f"{module}.py").unlink()
    assert look(folder, AGAIN) == plain


def test_the_cold_modules_need_no_file_of_their_own(tmp_path: Path) -> None:
    """Neither source nor bytecode is looked for: that is what it is for."""
    folder = deploy(tmp_path, bundled(tmp_path))
    names = {Path(name).stem: source for name, source in runtime_sources().items()}
    for module in cold_modules(names):
        (folder / PACKAGE / f"{module}.py").unlink()
        assert not (folder / cache_path(f"{PACKAGE}/{module}.py", VERSION)).exists()
    assert "_runtime" in look(folder)


def test_other_bytecode_stays_and_the_header_is_that_of_the_package(tmp_path: Path) -> None:
    """Who compares the hash in it with the source finds them equal."""
    before, after = compiled(tmp_path), bundled(tmp_path)
    assert after[INIT][:HEADER_SIZE] == before[INIT][:HEADER_SIZE]
    lazy = f"{PACKAGE}/_streaming.py"
    assert after[lazy] == before[lazy]
    assert f"{PACKAGE}/_runtime.py" not in after


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """From whatever process, with whatever hash seed it runs."""
    first = bundled(tmp_path)
    assert bundled(tmp_path) == first


@pytest.mark.parametrize("handler", ["hello", "fail", "missing"])
def test_a_function_runs_on_it_and_fails_as_ever(handler: str, tmp_path: Path) -> None:
    """What reaches the Runtime API is the same byte for byte, stack traces included."""
    root = tmp_path / "function"
    root.mkdir()
    (root / "app.py").write_text(
        "def hello(event, context):\n    return event\n\ndef fail(event, context):\n    raise ValueError(str(event))\n"
    )
    events = [] if handler == "missing" else [Event(b'{"a":1}')]
    bodies = []
    for form in (compiled, bundled):
        folder = deploy(tmp_path / form.__name__, form(tmp_path / form.__name__))
        command = (sys.executable, "-S", str(folder / PACKAGE / "__main__.py"))
        run = run_client(command, f"app.{handler}", events, task_root=root)
        bodies.append([(request.verb, request.body) for request in run.requests])
    assert bodies[0] == bodies[1]
    assert {verb for verb, _ in bodies[0]} & {"response", "error", "init/error"}
    for verb, body in bodies[0]:
        if verb == "error":
            assert "ValueError" in json.loads(body)["errorType"]
