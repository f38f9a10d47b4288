"""A function's package with its interpreter: built by the recipe, run as on Lambda; and refused packages."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main as tool
from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.packaging.reading import extract
from tests.layers.private_root import PrivateRoot, why_not
from tests.layers.provided.installations import copy_own_installation
from tests.support.client_process import GUARD

from .recipe_files import FUNCTION, HANDLER, RECIPES, RUNNING, load

add_interpreter = load(RECIPES / "function-zip" / "add_interpreter.py")
# The packages of the library that a small function needs, because each megabyte takes time.
NEEDED = ("encodings", "lib-dynload", "collections", "importlib", "re", "json")
EXTENSIONS = ("_json.", "_socket.", "_struct.", "math.", "_random.", "select.")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Pack the function as the recipe does."""
    path = tmp_path / "greeting.zip"
    assert tool(["pack", str(FUNCTION), "--runtime", "--handler", HANDLER, "-o", str(path)]) == 0
    return path


def layer(folder: Path, files: dict[str, bytes]) -> Path:
    """Return a layer's zip file."""
    path = folder / "layer.zip"
    with zipfile.ZipFile(path, "w") as archive:  # not compressed, which would take most of the time
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (0o755 if name.startswith("bin/") else 0o644) << 16
            archive.writestr(member, content)
    return path


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_package_runs_alone(package: Path, tmp_path: Path) -> None:
    """The function runs from /var/task with the interpreter, the library and the runtime of its package."""
    installation = copy_own_installation(tmp_path / "installation")
    for path in (installation / "lib" / f"python{RUNNING}").iterdir():
        if path.is_dir() and path.name not in NEEDED:
            shutil.rmtree(path)
    for path in installation.rglob("lib-dynload/*"):
        if not path.name.startswith(EXTENSIONS):
            path.unlink()
    files = [path for path in installation.rglob("*") if path.is_file()]
    named = {path.relative_to(installation).as_posix(): path.read_bytes() for path in files}
    given = layer(tmp_path, {**named, "bootstrap": b"of the layer", "bin/python3": b"of the layer"})
    assert add_interpreter.main([str(package), str(given)]) == 0
    with zipfile.ZipFile(package) as archive:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    program = f"bin/python{RUNNING}"  # by this name `bootstrap` recognizes an interpreter for the bytecode
    assert (modes["bootstrap"], modes[program], modes["greeting.py"]) == (0o755, 0o755, 0o644)
    assert "bin/python3" not in modes
    extract(package, tmp_path / "task")
    (tmp_path / "task").chmod(0o755)
    root = PrivateRoot(tmp_path / "root")
    root.bind(tmp_path / "task", "/var/task")
    command = root.command(["/var/task/bootstrap"], env={"PATH": "/nowhere", "LD_LIBRARY_PATH": "/var/task/lib"})
    with LocalLambda(HANDLER, task_root=tmp_path, runtime=command, init_timeout_s=GUARD) as function:
        answer = function.invoke({"name": "you"}).json()
    assert answer == {
        "greeting": "Hello, you!",
        "python": sys.version.partition(" ")[0],
        "client": "awslambdaric_lite",
    }


def test_the_same_again(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same files give the same bytes; a package with an interpreter gets no second one."""
    program = f"bin/python{RUNNING}"
    given = layer(tmp_path, {program: b"\x7fELF", "lib/python3.13/os.pyc": b"x", "python/other.py": b""})
    copy = tmp_path / "copy.zip"
    shutil.copy2(package, copy)
    assert add_interpreter.main([str(package), str(given)]) == add_interpreter.main([str(copy), str(given)]) == 0
    assert package.read_bytes() == copy.read_bytes()
    with zipfile.ZipFile(package) as archive:
        assert archive.read(program) == b"\x7fELF" and "python/other.py" not in archive.namelist()
    capsys.readouterr()
    assert add_interpreter.main([str(package), str(given)]) == 1
    assert f"has a {program} already; make it again" in capsys.readouterr().err
    assert package.read_bytes() == copy.read_bytes()


def test_an_interpreter_of_another_version(package: Path, tmp_path: Path) -> None:
    """The package calls an interpreter of another version `python3`, and `bootstrap` starts the sources with it."""
    given = layer(tmp_path, {"bin/python3.99": b"\x7fELF"})
    assert add_interpreter.main([str(package), str(given)]) == 0
    with zipfile.ZipFile(package) as archive:
        assert "bin/python3" in archive.namelist() and "bin/python3.99" not in archive.namelist()


def test_what_does_not_fit(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is one line, and the package is unchanged."""
    before = package.read_bytes()
    wrapper = layer(tmp_path, {"awslambdaric-lite": b"#!/bin/sh\n"})
    capsys.readouterr()
    for arguments, reason in (
        ([package, wrapper], "has no interpreter in it; give a layer that layers/build.py provided has written"),
        ([wrapper, wrapper], "has no bootstrap and runtime; make it with awslambdaric-lite pack --runtime"),
        ([package, tmp_path / "missing.zip"], "missing.zip cannot be read: No such file or directory"),
    ):
        assert add_interpreter.main([str(path) for path in arguments]) == 1
        said = capsys.readouterr()
        assert said.out == "" and said.err.startswith("add_interpreter.py: ") and said.err.count("\n") == 1
        assert reason in said.err
    good = layer(tmp_path, {"bin/python3.13": b"\x7fELF"})
    monkeypatch.setattr(add_interpreter, "UNPACKED_LIMIT", 10)
    assert add_interpreter.main([str(package), str(good)]) == 1
    assert "Lambda allows 10 B; exclude files" in capsys.readouterr().err
    assert package.read_bytes() == before
