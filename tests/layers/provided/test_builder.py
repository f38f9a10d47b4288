"""The content of the layer, its form, and its reproducibility."""

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


def test_layer_has_the_listed_files(layer: Layer) -> None:
    """The layer has the files of the golden list, and all modules of the runtime."""
    names = sorted(name for name in contents(layer) if not name.startswith(f"{PACKAGE}/") or "_exec_wrapper" in name)
    listed = (GOLDEN / "provided-small.txt").read_text(encoding="utf-8").splitlines()
    assert [name.replace(f"python{HOST.python}", "python3.X") for name in names] == listed


def test_only_programs_are_executable(layer: Layer) -> None:
    """Programs have mode 0755, all other files 0644."""
    executable = {member.name for member in layer.members if member.executable}
    assert {"bootstrap", "bin/python3", f"bin/python{HOST.python}"} <= executable
    assert all(name.startswith("bin/") or ".so" in name or name == "bootstrap" for name in executable)


def test_bytecode_is_for_its_place(layer: Layer) -> None:
    """Bytecode has the paths of the layer and unchecked hashes."""
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


def test_cold_modules_are_in_start_file(layer: Layer) -> None:
    """The start file has the modules of each start; the modules' own files are for later imports."""
    files = contents(layer)
    assert b"wait_next_invocation" in files[f"{PACKAGE}/start-{HOST.python}.bin"]
    assert {f"{PACKAGE}/{name}.pyc" for name in ("__init__", "__main__", "_runtime", "_logs", "types")} <= files.keys()
    assert f"/opt/{PACKAGE}/_bootstrap.pyc".encode() in files["bootstrap"]
    assert f"{PACKAGE}/_bootstrap.pyc" in files and f"{PACKAGE}/start-{HOST.python}.pyc" in files


def test_docstrings_of_the_library_stay(layer: Layer) -> None:
    """The standard library keeps its docstrings, which programs show; the runtime loses its own."""
    assert b"Operating system." in contents(layer)[f"{LIBRARY}/os.pyc"]
    assert b"Makes way for" not in contents(layer)[f"{PACKAGE}/_exec_wrapper.pyc"]


def test_the_same_input_gives_the_same_bytes(installation: Path, tmp_path: Path, layer: Layer) -> None:
    """An archive elsewhere gives the same bytes as the folder of the installation."""
    archive = make_archive(installation, tmp_path / "cpython.tar.gz")
    again = small_layer(archive)
    assert contents(again) == contents(layer)
    first, second = write(layer, tmp_path / "a"), write(again, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_packed_sources_do_not_replace_bytecode(installation: Path) -> None:
    """With `--keep sources`, Python still uses the bytecode."""
    files = contents(small_layer(installation, "sources"))
    assert f"{LIBRARY}/os.pyc" not in files
    assert files[f"{LIBRARY}/os.py"] == b'"""Operating system."""\n'
    assert PycHeader.parse(files[f"{LIBRARY}/__pycache__/os.{HOST.cache_tag}.pyc"]).kind == "unchecked-hash"


def test_unknown_group_is_refused(installation: Path) -> None:
    """A group that does not exist is refused by name."""
    with pytest.raises(PackagingError, match="--keep tk: unknown group; choose one of: tests, tkinter, "):
        small_layer(installation, "tk")


def test_source_that_does_not_compile_is_packed(installation: Path) -> None:
    """A source that does not compile is packed as source, with a note."""
    layer = small_layer(installation, "tests")
    name = f"{LIBRARY}/test/badsyntax.py"
    assert contents(layer)[name] == b"def f(:\n"
    assert f"packed as source, because it does not compile: {name}" in layer.notes


def test_missing_interpreter_leaves_sources_and_note(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an interpreter of the version, sources are packed, and a note says so."""
    monkeypatch.setattr(interpreter, "find_interpreter", lambda version, candidates=(): None)
    layer = small_layer(installation)
    files = contents(layer)
    assert not [name for name in files if name.endswith(".pyc")]
    assert f"{LIBRARY}/os.py" in files and f"{PACKAGE}/_exec_wrapper.py" in files and f"{PACKAGE}/_runtime.py" in files
    assert b"from awslambdaric_lite import _runtime" in files["bootstrap"]
    assert not [name for name in files if "/start-" in name or "_bootstrap" in name]
    assert len([note for note in layer.notes if "not precompiled" in note]) == 1


def test_another_architecture_is_compiled_here(installation: Path, layer: Layer, tmp_path: Path) -> None:
    """Bytecode is the same on all machines, so no program of the other architecture is run."""
    target = Target(HOST.python, "arm64" if HOST.arch == "x86_64" else "x86_64")
    files = contents(small_layer(make_installation(tmp_path, target), target=target))
    own = contents(layer)
    assert files.keys() == own.keys()
    differing = {name for name in files if files[name] != own[name]}
    assert differing == {name for name in files if own[name].startswith(b"\x7fELF")}


def test_unneeded_library_is_excluded(layer: Layer) -> None:
    """A `libpython` that the program is not linked to is excluded."""
    assert not [name for name in contents(layer) if "libpython" in name]


def test_needed_library_is_packed(tmp_path: Path) -> None:
    """A `libpython` that the program is linked to is packed."""
    library = f"libpython{HOST.python}.so.1.0"
    program = elf_file(machine=HOST.machine, needed=[library], run_path="/home/somebody/lib", program=True)
    layer = small_layer(make_installation(tmp_path, program=program))
    member = next(member for member in layer.members if member.name == f"lib/{library}")
    assert member.executable
    assert b"/home/somebody" not in contents(layer)[f"bin/python{HOST.python}"]


def test_module_for_newer_systems_is_refused(tmp_path: Path) -> None:
    """An extension module that needs a newer glibc makes the build fail."""
    extension = elf_file(machine=HOST.machine, symbols={"strlcpy": ("libc.so.6", "GLIBC_2.38")})
    made = make_installation(tmp_path, extension=extension)
    with pytest.raises(PackagingError, match=r"lib-dynload/_sqlite3\.so needs GLIBC_2\.38 \(for the symbol strlcpy\)"):
        small_layer(made)


def test_the_bill_of_materials_names_the_interpreter(layer: Layer) -> None:
    """The bill of materials names the interpreter, its version and its hash."""
    component = layer.components[0]
    assert (component.name, component.version, component.purl) == ("cpython", RELEASE, f"pkg:generic/cpython@{RELEASE}")


def test_the_layer_says_what_it_is(layer: Layer) -> None:
    """The layer has its kind, its target and its place."""
    assert (layer.kind, layer.where, layer.targets) == ("provided", "aws", (HOST,))
    assert layer.name == f"awslambdaric-lite-provided-py{HOST.python}-{HOST.arch}"
