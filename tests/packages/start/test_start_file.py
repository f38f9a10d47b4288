"""The start file of packages: its modules are the same as imported ones."""

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
from awslambdaric_lite.packaging.start_file import cold_modules, package_start_file

from ...architecture.test_cold_path import listed
from ...support.client_process import GUARD
from .deployed import PACKAGE, START, VERSION, deploy, start

LENGTHS = "[len(sys.path_hooks), len(sys.meta_path)]"

# Both end with the package's folder on the path; they did not need it before.
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

# Prints the attributes of every module that the import system and tools use.
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

# Prints file, first line and last line of every function of these modules.
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

# Does what tools do that remove modules, reload them, or read their code and source.
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
    """Run code in a fresh interpreter with nothing of ours; return its output."""
    command = [sys.executable, "-S", "-B", "-c", code, str(folder)]
    done = subprocess.run(command, cwd="/", env=variables, capture_output=True, text=True, timeout=GUARD, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=[False, True], ids=["sources", "sourceless"])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy(tmp_path_factory.mktemp("deployed"), sourceless=request.param)


def test_cold_modules_match_a_cold_start() -> None:
    """The modules found in the sources are those that a fresh interpreter loads."""
    sources = {Path(name).stem: source for name, source in runtime_sources().items()}
    expected = {name.removeprefix(f"{PACKAGE}.") for name in listed() if name.startswith(f"{PACKAGE}.")}
    modules = cold_modules(sources)
    assert set(modules) == expected
    assert modules[-1] == "_runtime"


def test_imported_modules_come_first() -> None:
    """A module comes after its imports; imports for checkers and inside functions do not count."""
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
def test_modules_look_imported(deployed: Path, variables: dict[str, str]) -> None:
    """Every module has the names, files, spec, loader and package that an import would give it."""
    made = run(deployed, MADE + LOOK, **variables)
    assert made == run(deployed, f"{IMPORTED}\n{LOOK}", **variables)
    assert f"{PACKAGE}._runtime" in made


def test_functions_keep_file_and_lines(deployed: Path) -> None:
    """Every function has the file and the lines of its source."""
    made = run(deployed, MADE + PLACES)
    assert made == run(deployed, f"{IMPORTED}\n{PLACES}")
    assert any(name == "handle_event_request" for _, name, _, _ in made)


def test_file_names_follow_the_folder(tmp_path: Path) -> None:
    """File names are those of the package's folder, although it was packed for another one."""
    folder = deploy(tmp_path, at="/var/task")
    made = run(folder, MADE + PLACES)
    assert {str(Path(file).parent) for file, *_ in made} == {str(tmp_path / PACKAGE)}


def test_modules_can_be_reloaded(deployed: Path) -> None:
    """Every module can be reloaded and imported again from its own file."""
    assert run(deployed, MADE + AGAIN) == run(deployed, f"{IMPORTED}\n{AGAIN}")


def test_start_file_needs_no_other(tmp_path: Path) -> None:
    """The start file needs no other file and adds nothing to the import system."""
    folder = deploy(tmp_path)
    for path in (folder / PACKAGE).rglob("*.py*"):
        path.unlink()
    seen = run(folder, f"{MADE}\nimport json\nprint(json.dumps([*seen, bootstrap.__name__]))")
    hooks, finders = run(folder, f"import json, sys; print(json.dumps({LENGTHS}))")
    assert seen[:2] == [hooks, finders] and seen[-1] == f"{PACKAGE}._runtime"
    assert not [name for name in seen[2:] if name.startswith(str(tmp_path))]
    assert {name for name in seen[2:] if not name.startswith(("__", "/"))} == {"bootstrap", "sys", seen[-1]}


def test_docstrings_are_not_included(tmp_path: Path) -> None:
    """The start file has no docstrings."""
    content = start(tmp_path)[START.replace(".pyc", ".bin")]
    assert b"Answer one invocation" not in content and b"wait_next_invocation" in content


def test_script_has_unchecked_hash(tmp_path: Path) -> None:
    """The script is short bytecode with an unchecked hash."""
    script = start(tmp_path)[START]
    assert PycHeader.parse(script).kind == "unchecked-hash"
    assert HEADER_SIZE < len(script) < 2048


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """The same sources give the same bytes in any process."""
    assert start(tmp_path) == start(tmp_path)


def test_another_version_refuses_the_script(tmp_path: Path) -> None:
    """Another version of Python refuses the script before it runs any of it."""
    path = tmp_path / "start.pyc"
    script = bytearray(start(tmp_path)[START])
    script[0] ^= 1
    path.write_bytes(script)
    done = subprocess.run([sys.executable, "-S", path], capture_output=True, text=True, timeout=GUARD, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Bad magic number in .pyc file" in done.stderr


def test_unusable_interpreter_is_named(tmp_path: Path) -> None:
    """One line names an interpreter that cannot compile, with the cure."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\ncat > /dev/null\n")
    broken.chmod(0o755)
    for interpreter, reason in ((tmp_path / "none", "cannot be run"), (broken, "exited while it compiled the runtime")):
        with pytest.raises(PackagingError, match=f"{interpreter} {reason}.*; name another interpreter"):
            package_start_file(runtime_sources(), interpreter, version=VERSION, at="/var/task")
