"""The file that `bootstrap` starts: the start file if the interpreter can read it, else `__main__.py`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.packaging.runtime import bootstrap_script

from ...process.deployment import empty_path, started, stub
from ...process.deployment import start as run
from .deployed import MAIN, START, VERSION, deploy

NAME = f"python{VERSION}"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy(tmp_path_factory.mktemp("package"))


@pytest.fixture
def folder(package: Path, tmp_path: Path) -> Path:
    """Return a function's package as `pack` writes it."""
    (tmp_path / "awslambdaric_lite").symlink_to(package / "awslambdaric_lite")
    (tmp_path / "bootstrap").write_bytes(bootstrap_script(VERSION))
    (tmp_path / "bootstrap").chmod(0o755)
    return tmp_path


def chosen(folder: Path, **variables: str) -> tuple[str, str]:
    """Run the function; return the name of the started interpreter, and the file that it ran."""
    result = run([folder / "bootstrap"], folder, env={"PATH": empty_path(folder), **variables})
    assert result.ended_by_test and [reply.body for reply in result.replies] == [b"0", b"1"], result.stderr
    name, flag, file, handler = started(folder)
    assert (flag, handler) == ("-S", "app.handler")
    return name, str(Path(file).relative_to(folder))


@pytest.mark.parametrize("place", ["bin", "path", "variable"])
def test_versioned_interpreter_starts_bytecode(folder: Path, place: str) -> None:
    """An interpreter whose name has the version starts the bytecode."""
    python = stub(folder / place / NAME, "by-version")
    variables = {"path": {"PATH": str(folder / "path")}, "variable": {"AWSLAMBDARIC_LITE_PYTHON": str(python)}}
    assert chosen(folder, **variables.get(place, {})) == ("by-version", START)


@pytest.mark.parametrize("place", ["bin", "path", "variable"])
def test_unversioned_interpreter_starts_sources(folder: Path, place: str) -> None:
    """An interpreter without the version in its name starts `__main__.py`."""
    python = stub(folder / place / "python3", "of-any")
    variables = {"path": {"PATH": str(folder / "path")}, "variable": {"AWSLAMBDARIC_LITE_PYTHON": str(python)}}
    assert chosen(folder, **variables.get(place, {})) == ("of-any", MAIN)


@pytest.mark.parametrize("place", ["bin", "path"])
def test_the_version_comes_before_any_other(folder: Path, place: str) -> None:
    """`bin/python3.X` of the package's version is preferred to `bin/python3`."""
    stub(folder / place / "python3", "of-any")
    stub(folder / place / NAME, "by-version")
    assert chosen(folder, PATH=str(folder / "path")) == ("by-version", START)


@pytest.mark.parametrize("name", ["python", "python3"])
def test_another_name_of_the_same_file(folder: Path, name: str) -> None:
    """`python3` starts the bytecode if it is the same file as the `python3.13` next to it."""
    real = stub(folder / "there" / NAME, "same")
    (folder / "there" / name).symlink_to(real.name)
    assert chosen(folder, AWSLAMBDARIC_LITE_PYTHON=str(folder / "there" / name)) == ("same", START)


@pytest.mark.parametrize("command", [["./bootstrap"], ["sh", "bootstrap"]], ids=["dot", "sh"])
def test_called_by_a_relative_path(folder: Path, command: list[str]) -> None:
    """With a relative path, the package is found and its file names are absolute."""
    stub(folder / "bin" / NAME, "by-version")
    source = "import awslambdaric_lite\ndef handler(event, context):\n    return awslambdaric_lite.__file__[0] == '/'\n"
    result = run(command, folder, source, [Event(b"0")], {"PATH": os.defpath})
    assert result.ended_by_test and result.replies[0].body == b"true", result.stderr
    assert Path(started(folder)[2]).name == Path(START).name


@pytest.mark.parametrize("suffix", ["t", "d", "0"])
def test_other_builds_start_sources(folder: Path, suffix: str) -> None:
    """Free-threaded and debug builds, and `python3.130`, start `__main__.py`."""
    stub(folder / "there" / NAME, "by-version")
    other = stub(folder / "there" / f"{NAME}{suffix}", "other")
    assert chosen(folder, AWSLAMBDARIC_LITE_PYTHON=str(other)) == ("other", MAIN)


def test_missing_start_file_starts_sources(package: Path, folder: Path) -> None:
    """Without the start file, `bootstrap` starts the sources."""
    (folder / "awslambdaric_lite").unlink()
    (folder / "awslambdaric_lite").mkdir()
    for path in (package / "awslambdaric_lite").glob("*.py"):
        (folder / "awslambdaric_lite" / path.name).symlink_to(path)
    stub(folder / "bin" / NAME, "by-version")
    assert chosen(folder) == ("by-version", MAIN)


def test_wrapper_gets_the_start_file(folder: Path) -> None:
    """A wrapper gets the command with the start file."""
    python = stub(folder / "bin" / NAME, "by-version")
    wrapper = folder / "wrapper"
    wrapper.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done > wrapped.txt\nexec "$@"\n')
    wrapper.chmod(0o755)
    assert chosen(folder, AWS_LAMBDA_EXEC_WRAPPER=str(wrapper)) == ("by-version", START)
    words = (folder / "wrapped.txt").read_text().splitlines()
    assert words == [str(python), "-S", str(folder / START), "app.handler"]


def test_an_interpreter_whose_name_lies(folder: Path) -> None:
    """An interpreter of another version than its name refuses the start file."""
    (folder / "other").mkdir()
    liar = folder / "other" / NAME
    liar.symlink_to(sys.executable)
    script = bytearray((folder / START).read_bytes())
    script[0] ^= 1  # a file name that this Python would read as another version
    package = folder / "awslambdaric_lite"
    files = list(package.resolve().iterdir())
    package.unlink()
    package.mkdir()
    for path in files:
        if path.name != Path(START).name:
            (package / path.name).symlink_to(path)
    (folder / START).write_bytes(script)
    result = run([folder / "bootstrap"], folder, env={"AWSLAMBDARIC_LITE_PYTHON": str(liar)})
    assert result.exit_code == 1 and result.requests == []
    assert b"Bad magic number in .pyc file" in result.stderr


def test_variables_of_the_function_stay(folder: Path) -> None:
    """The variables of the function reach the runtime unchanged."""
    names = ("here", "python", "package", "version", "main", "start")
    source = f"import os\ndef handler(event, context):\n    return [os.environ[name] for name in {names}]\n"
    env = {"AWSLAMBDARIC_LITE_PYTHON": sys.executable, "PATH": os.defpath, **dict.fromkeys(names, "mine")}
    result = run([folder / "bootstrap"], folder, source, [Event(b"0")], env)
    assert json.loads(result.replies[0].body) == ["mine"] * len(names)
