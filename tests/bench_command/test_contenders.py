"""Contenders: the commands that are measured, and their interpreter."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.bench.contenders import NotUsable, TargetPython, commanded

ENVIRONMENT = {"PATH": os.defpath} | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def package(folder: Path, name: str) -> None:
    """Create a package in the function's folder, as `pip install --target` does."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()


def bare_interpreter(folder: Path) -> str:
    """Write a script that runs Python without site-packages."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_packages_in_the_task_root_are_found(tmp_path: Path) -> None:
    """Packages in the task root are found, because `python -m` starts them there."""
    package(tmp_path, "awslambdaric")
    package(tmp_path, "awslambdaric_lite")
    python = TargetPython.inspect(bare_interpreter(tmp_path), ENVIRONMENT, tmp_path)
    assert python.official("app.handler").command == (python.executable, "-m", "awslambdaric", "app.handler")
    assert python.ours("app.handler").command == (python.executable, "-m", "awslambdaric_lite", "app.handler")
    assert python.description.startswith("CPython 3.")


def test_without_awslambdaric_the_cure_is_named(tmp_path: Path) -> None:
    """The error names the interpreter without awslambdaric and the command that installs it."""
    python = TargetPython.inspect(bare_interpreter(tmp_path), ENVIRONMENT, tmp_path)
    with pytest.raises(
        NotUsable, match=r"not installed for .*; install it with: \S+ -m pip install awslambdaric$"
    ) as caught:
        python.official("app.handler")
    assert python.executable in str(caught.value)


def test_interpreter_without_this_package_runs_its_main_file(tmp_path: Path) -> None:
    """An interpreter that does not have this package runs the file of the present copy."""
    python = TargetPython.inspect(bare_interpreter(tmp_path), ENVIRONMENT, tmp_path)
    executable, file, handler = python.ours("app.handler").command
    assert (executable, handler) == (python.executable, "app.handler")
    assert Path(file).parts[-2:] == ("awslambdaric_lite", "__main__.py") and Path(file).is_file()


def test_lines_printed_at_interpreter_start_are_ignored(tmp_path: Path) -> None:
    """Lines that an interpreter prints before the facts do not matter."""
    (tmp_path / "sitecustomize.py").write_text("print('welcome')")
    python = TargetPython.inspect(None, {**ENVIRONMENT, "PYTHONPATH": str(tmp_path)}, tmp_path)
    assert python.executable == os.path.abspath(sys.executable)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no", "does not run as Python"),
        ("exit 3", "does not run as Python"),
        ("""echo '{"python": "3.9.2", "implementation": "CPython"}'""", "is Python 3.9.2; .* 3.10 or newer"),
    ],
)
def test_program_that_is_not_a_usable_python_is_refused(script: str, message: str, tmp_path: Path) -> None:
    """A program that is not Python, too old or missing is refused by name."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    with pytest.raises(NotUsable, match=message) as caught:
        TargetPython.inspect(str(path), ENVIRONMENT, tmp_path)
    assert str(path) in str(caught.value)
    with pytest.raises(NotUsable, match="is not executable"):
        TargetPython.inspect(str(tmp_path / "none"), ENVIRONMENT, tmp_path)


def test_any_command_can_be_measured_against(tmp_path: Path) -> None:
    """A command is split, its path is relative to the task root, and it receives the handler."""
    runtime = tmp_path / "bootstrap"
    runtime.write_text("#!/bin/sh\n")
    runtime.chmod(0o755)
    found = commanded("./bootstrap 'a b' {handler}", "app.handler", tmp_path, os.defpath)
    assert found.command == ("./bootstrap", "a b", "app.handler")
    assert found.label == "./bootstrap 'a b' {hand…"
    assert commanded("sh", "app.handler", tmp_path, os.defpath).label == "sh"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("'open", "cannot be split"),
        ("./none", r"cannot find an executable \./none \(paths are relative to the task root\)"),
        ("certainly-no-such-program", "cannot find an executable certainly-no-such-program on PATH"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """A command that cannot be run is refused, and the message says why."""
    with pytest.raises(NotUsable, match=message):
        commanded(text, "app.handler", tmp_path, os.defpath)


def test_a_command_never_takes_the_name_of_another_column(tmp_path: Path) -> None:
    """A command with the name of another contender gets a distinct label, because figures are stored by label."""
    program = tmp_path / "awslambdaric-lite"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert commanded(program.name, "app.handler", tmp_path, str(tmp_path)).label == "./awslambdaric-lite"
