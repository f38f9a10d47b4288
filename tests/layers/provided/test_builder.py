"""What is in the layer, in which form, and that it is the same each time."""

from __future__ import annotations

import marshal
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.bytecode import MAGIC, PycHeader
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from layers.layer import Layer
from layers.provided import build, interpreter
from layers.writing import write
from tests.layers.provided.elf_writer import elf_file
from tests.layers.provided.installations import HOST, RELEASE, make_archive, make_installation

GOLDEN = Path(__file__).parents[1] / "golden"
LIBRARY = f"lib/python{HOST.python}"
PACKAGE = f"python/lib/python{HOST.python}/site-packages/awslambdaric_lite"


def small_layer(installation: Path, *keep: str, target: Target = HOST) -> Layer:
    return build(target, where="aws", interpreter=installation, keep=keep, wheels=None, orjson=False)


def contents(layer: Layer) -> dict[str, bytes]:
    return {member.name: member.read() for member in layer.members}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_installation(tmp_path_factory.mktemp("installation"))


@pytest.fixture(scope="module")
def layer(installation: Path) -> Layer:
    return small_layer(installation)


def test_the_list_of_files_is_the_one_that_was_agreed(layer: Layer) -> None:
    """All but the runtime's own modules, which every layer has, and the landmark of each version."""
    names = sorted(name for name in contents(layer) if not name.startswith(f"{PACKAGE}/") or "_exec_wrapper" in name)
    listed = (GOLDEN / "provided-small.txt").read_text(encoding="utf-8").splitlines()
    assert [name.replace(f"python{HOST.python}", "python3.X") for name in names] == listed


def test_programs_can_be_executed_and_nothing_else(layer: Layer) -> None:
    executable = {member.name for member in layer.members if member.executable}
    assert {"bootstrap", "bin/python3", f"bin/python{HOST.python}"} <= executable
    assert all(name.startswith("bin/") or ".so" in name or name == "bootstrap" for name in executable)


def test_bytecode_is_for_where_it_will_lie_and_never_looks_for_its_source(layer: Layer) -> None:
    files = contents(layer)
    for name in (
        f"{LIBRARY}/unittest/mock.pyc",
        f"{PACKAGE}/_exec_wrapper.pyc",
        f"{PACKAGE}/_handlers/streaming.pyc",
        f"{PACKAGE}/__init__.pyc",
    ):
        header = PycHeader.parse(files[name])
        assert header.kind == "unchecked-hash"
        if HOST.python in MAGIC:
            assert header.magic == MAGIC[HOST.python]
        code = marshal.loads(files[name][16:])
        assert code.co_filename == f"/opt/{name[:-1]}"


def test_what_each_start_needs_of_the_runtime_is_one_file(layer: Layer) -> None:
    """Files are what a cold start waits for; the modules' own are for whoever imports one again."""
    files = contents(layer)
    assert b"wait_next_invocation" in files[f"{PACKAGE}/start-{HOST.python}.bin"]
    assert {f"{PACKAGE}/{name}.pyc" for name in ("__init__", "__main__", "_runtime", "_logs", "types")} <= files.keys()
    assert f"/opt/{PACKAGE}/_bootstrap.pyc".encode() in files["bootstrap"]
    assert f"{PACKAGE}/_bootstrap.pyc" in files and f"{PACKAGE}/start-{HOST.python}.pyc" in files


def test_docstrings_of_the_library_stay(layer: Layer) -> None:
    """Programs show them, as `cmd` and `pydoc` do; those of the runtime are for its readers."""
    assert b"Operating system." in contents(layer)[f"{LIBRARY}/os.pyc"]
    assert b"Makes way for" not in contents(layer)[f"{PACKAGE}/_exec_wrapper.pyc"]


def test_the_same_input_gives_the_same_bytes(installation: Path, tmp_path: Path, layer: Layer) -> None:
    """From another place and another kind of container, too."""
    archive = make_archive(installation, tmp_path / "cpython.tar.gz")
    again = small_layer(archive)
    assert contents(again) == contents(layer)
    first, second = write(layer, tmp_path / "a"), write(again, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_with_sources_python_takes_the_bytecode_all_the_same(installation: Path) -> None:
    files = contents(small_layer(installation, "sources"))
    assert f"{LIBRARY}/os.pyc" not in files
    assert files[f"{LIBRARY}/os.py"] == b'"""Operating system."""\n'
    assert PycHeader.parse(files[f"{LIBRARY}/__pycache__/os.{HOST.cache_tag}.pyc"]).kind == "unchecked-hash"


def test_a_group_that_does_not_exist_is_refused(installation: Path) -> None:
    with pytest.raises(PackagingError, match="--keep tk: there is no such group; it can be tests, tkinter, "):
        small_layer(installation, "tk")


def test_what_does_not_compile_is_packed_as_it_is(installation: Path) -> None:
    layer = small_layer(installation, "tests")
    name = f"{LIBRARY}/test/badsyntax.py"
    assert contents(layer)[name] == b"def f(:\n"
    assert f"packed as source, for it does not compile: {name}" in layer.notes


def test_without_an_interpreter_of_the_version_sources_are_packed_and_it_is_said(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "find_interpreter", lambda version, candidates=(): None)
    layer = small_layer(installation)
    files = contents(layer)
    assert not [name for name in files if name.endswith(".pyc")]
    assert f"{LIBRARY}/os.py" in files and f"{PACKAGE}/_exec_wrapper.py" in files and f"{PACKAGE}/_runtime.py" in files
    assert b"from awslambdaric_lite import _runtime" in files["bootstrap"]
    assert not [name for name in files if "/start-" in name or "_bootstrap" in name]
    assert len([note for note in layer.notes if "not precompiled" in note]) == 1


def test_another_architecture_is_compiled_here(installation: Path, layer: Layer, tmp_path: Path) -> None:
    """Bytecode is the same on all machines, so no program of the other one is run."""
    target = Target(HOST.python, "arm64" if HOST.arch == "x86_64" else "x86_64")
    files = contents(small_layer(make_installation(tmp_path, target), target=target))
    own = contents(layer)
    assert files.keys() == own.keys()
    differing = {name for name in files if files[name] != own[name]}
    assert differing == {name for name in files if own[name].startswith(b"\x7fELF")}


def test_a_library_that_nobody_needs_is_left_out(layer: Layer) -> None:
    """python-build-standalone has one for programs that embed Python; its own program is linked statically."""
    assert not [name for name in contents(layer) if "libpython" in name]


def test_a_library_that_is_needed_comes_along(tmp_path: Path) -> None:
    library = f"libpython{HOST.python}.so.1.0"
    program = elf_file(machine=HOST.machine, needed=[library], run_path="/home/somebody/lib", program=True)
    layer = small_layer(make_installation(tmp_path, program=program))
    member = next(member for member in layer.members if member.name == f"lib/{library}")
    assert member.executable
    assert b"/home/somebody" not in contents(layer)[f"bin/python{HOST.python}"]


def test_a_module_for_newer_systems_makes_no_layer(tmp_path: Path) -> None:
    extension = elf_file(machine=HOST.machine, symbols={"strlcpy": ("libc.so.6", "GLIBC_2.38")})
    made = make_installation(tmp_path, extension=extension)
    with pytest.raises(PackagingError, match=r"lib-dynload/_sqlite3\.so needs GLIBC_2\.38 \(for the symbol strlcpy\)"):
        small_layer(made)


def test_the_bill_of_materials_names_the_interpreter(layer: Layer) -> None:
    component = layer.components[0]
    assert (component.name, component.version, component.purl) == ("cpython", RELEASE, f"pkg:generic/cpython@{RELEASE}")


def test_the_layer_says_what_it_is(layer: Layer) -> None:
    assert (layer.kind, layer.where, layer.targets) == ("provided", "aws", (HOST,))
    assert layer.name == f"awslambdaric-lite-provided-py{HOST.python}-{HOST.arch}"
