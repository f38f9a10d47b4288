"""What starts the runtime from one file: the modules that it makes are those that an import would have made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.packaging.bytecode import HEADER_SIZE, PycHeader
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.runtime import runtime_sources
from awslambdaric_lite.packaging.start_file import cold_modules, start_files

from ...architecture.test_cold_path import listed
from ...support.client_process import GUARD
from .deployed import PACKAGE, START, VERSION, deploy, start

LENGTHS = "[len(sys.path_hooks), len(sys.meta_path)]"

# Both end with the package's folder on the path, where it was not needed before.
IMPORTED = f"import sys; sys.path.insert(0, sys.argv[1]); import {PACKAGE}._runtime as bootstrap"
MADE = f"""
import sys
folder = sys.argv[1] + "/{PACKAGE}"
with open(folder + "/start-{VERSION}.bin", "rb") as file:
    exec(sys.modules["marshal"].loads(file.read()))
del folder, file
seen = [*{LENGTHS}, *sys.path_importer_cache, *globals()]
sys.path.insert(0, sys.argv[1])
"""

# Says for every module of the package what the import system and tools would look at.
LOOK = f"""
import json, types
def look(module):
    spec = module.__spec__
    return [
        module.__file__, module.__package__, module.__cached__, type(module.__loader__).__name__,
        module.__loader__.name, module.__loader__.path, module.__loader__ is spec.loader, bool(module.__builtins__),
        spec.name, spec.parent, spec.origin, spec.has_location, spec.cached, spec.submodule_search_locations,
        getattr(module, "__path__", None), sorted(name for name in vars(module) if not name.startswith("__")),
    ]
print(json.dumps({{name: look(sys.modules[name]) for name in sorted(sys.modules) if name.startswith("{PACKAGE}")}}))
"""

# Where every function of these modules says that it is: its file, its first line and its last.
PLACES = f"""
import json, types
def walk(code, found):
    lines = [line for _, _, line in code.co_lines() if line]
    found.append([code.co_filename, code.co_name, code.co_firstlineno, max(lines)])
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            walk(constant, found)
def functions(space):
    for value in space.values():
        if isinstance(value, type):
            yield from functions(vars(value))
        elif isinstance(value, (types.FunctionType, staticmethod, classmethod)):
            yield getattr(value, "__func__", value)
found = []
for name in sorted(sys.modules):
    if name.startswith("{PACKAGE}"):
        for function in functions(vars(sys.modules[name])):
            walk(function.__code__, found)
print(json.dumps(found))
"""

# What tools do that clear modules away, reload them, or look for their code and source.
AGAIN = f"""
import importlib, importlib.util, inspect, json
seen = []
for name in sorted(name for name in sys.modules if name.startswith("{PACKAGE}.")):
    module = sys.modules[name]
    assert module.__spec__.loader.get_code(name).co_filename.startswith(module.__file__.rpartition(".")[0]), name
    assert sys.modules["{PACKAGE}"].__dict__[name.rpartition(".")[2]] is module, name
    seen.append(module.__spec__.loader.get_source(name))
    assert importlib.reload(module) is module, name
    del sys.modules[name]
    again = importlib.import_module(name)
    assert again is not module and sys.modules["{PACKAGE}"].__dict__[name.rpartition(".")[2]] is again, name
    seen += [name, again.__file__, again.__spec__.origin]
assert importlib.util.find_spec("{PACKAGE}.nothing") is None
print(json.dumps(seen))
"""


def run(folder: Path, code: str, **variables: str) -> Any:
    """Run code in a fresh interpreter, without anything of the caller's; return what it printed."""
    command = [sys.executable, "-S", "-B", "-c", code, str(folder)]
    done = subprocess.run(command, cwd="/", env=variables, capture_output=True, text=True, timeout=GUARD, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=[False, True], ids=["sources", "sourceless"])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy(tmp_path_factory.mktemp("deployed"), sourceless=request.param)


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


@pytest.mark.parametrize(
    "variables",
    [{}, {"PYTHONOPTIMIZE": "1"}, {"PYTHONPYCACHEPREFIX": "/nowhere"}],
    ids=["plain", "optimised", "prefix"],
)
def test_every_module_looks_as_if_it_had_been_imported(deployed: Path, variables: dict[str, str]) -> None:
    """Its names, its files, its spec and loader, its package; none is missing, none is new."""
    made = run(deployed, MADE + LOOK, **variables)
    assert made == run(deployed, f"{IMPORTED}\n{LOOK}", **variables)
    assert f"{PACKAGE}._runtime" in made


def test_functions_are_where_they_are_in_the_sources(deployed: Path) -> None:
    """Each in its file, on its lines: what a stack trace shows."""
    made = run(deployed, MADE + PLACES)
    assert made == run(deployed, f"{IMPORTED}\n{PLACES}")
    assert any(name == "handle_event_request" for _, name, _, _ in made)


def test_file_names_are_those_of_the_folder_that_it_lies_in(tmp_path: Path) -> None:
    """Which may be another one than it was packed for, as in a local Lambda."""
    folder = deploy(tmp_path, at="/var/task")
    made = run(folder, MADE + PLACES)
    assert {str(Path(file).parent) for file, *_ in made} == {str(tmp_path / PACKAGE)}


def test_every_module_can_be_reloaded_and_imported_again(deployed: Path) -> None:
    """From its own file, by the ordinary import system."""
    assert run(deployed, MADE + AGAIN) == run(deployed, f"{IMPORTED}\n{AGAIN}")


def test_no_other_file_is_needed_and_nothing_of_ours_stays_in_the_import_system(tmp_path: Path) -> None:
    """Neither source nor bytecode is looked for: that is what it is for."""
    folder = deploy(tmp_path)
    for path in (folder / PACKAGE).rglob("*.py*"):
        path.unlink()
    seen = run(folder, f"{MADE}\nimport json\nprint(json.dumps([*seen, bootstrap.__name__]))")
    hooks, finders = run(folder, f"import json, sys; print(json.dumps({LENGTHS}))")
    assert seen[:2] == [hooks, finders] and seen[-1] == f"{PACKAGE}._runtime"
    assert not [name for name in seen[2:] if name.startswith(str(tmp_path))]
    assert {name for name in seen[2:] if not name.startswith(("__", "/"))} == {"bootstrap", "sys", seen[-1]}


def test_what_only_people_read_is_not_in_it(tmp_path: Path) -> None:
    """It would be read at every start."""
    content = start(tmp_path)[START.replace(".pyc", ".bin")]
    assert b"Answer one invocation" not in content and b"wait_next_invocation" in content


def test_the_script_is_bytecode_that_is_never_compared_with_a_source(tmp_path: Path) -> None:
    """Short, for the interpreter reads a script more than once."""
    script = start(tmp_path)[START]
    assert PycHeader.parse(script).kind == "unchecked-hash"
    assert HEADER_SIZE < len(script) < 2048


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """From whatever process, with whatever hash seed it runs."""
    assert start(tmp_path) == start(tmp_path)


def test_another_version_refuses_the_script(tmp_path: Path) -> None:
    """Loudly: it must not run half of it."""
    path = tmp_path / "start.pyc"
    script = bytearray(start(tmp_path)[START])
    script[0] ^= 1
    path.write_bytes(script)
    done = subprocess.run([sys.executable, "-S", path], capture_output=True, text=True, timeout=GUARD, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Bad magic number in .pyc file" in done.stderr


def test_an_interpreter_that_cannot_compile_it_is_named(tmp_path: Path) -> None:
    """One line, and the cure."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\ncat > /dev/null\n")
    broken.chmod(0o755)
    for interpreter, reason in ((tmp_path / "none", "cannot be run"), (broken, "ended when it compiled the runtime")):
        with pytest.raises(PackagingError, match=f"{interpreter} {reason}.*; name another interpreter"):
            start_files(runtime_sources(), interpreter, package=PACKAGE, version=VERSION, at="/var/task")
