"""`bootstrap` executes an interpreter with the right arguments, and explains a missing one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.process.deployment import empty_path, install, start, started, stub
from tests.process.lite import bodies

MAIN = "awslambdaric_lite/__main__.py"


def test_variable_selects_interpreter(tmp_path: Path) -> None:
    """AWSLAMBDARIC_LITE_PYTHON selects the interpreter before all others."""
    bootstrap = install(tmp_path)
    named = stub(tmp_path / "other" / "my python", "named")
    stub(tmp_path / "bin" / "python3", "packaged")
    stub(tmp_path / "path" / "python3", "on-path")
    env = {"AWSLAMBDARIC_LITE_PYTHON": str(named), "PATH": str(tmp_path / "path")}
    result = start([bootstrap], tmp_path, env=env)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert started(tmp_path)[0] == "named"


def test_packaged_interpreter_precedes_path(tmp_path: Path) -> None:
    """The interpreter packaged next to bootstrap is used before the one on PATH."""
    bootstrap = install(tmp_path)
    stub(tmp_path / "bin" / "python3", "packaged")
    stub(tmp_path / "path" / "python3", "on-path")
    result = start([bootstrap], tmp_path, env={"PATH": str(tmp_path / "path")})
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert started(tmp_path)[0] == "packaged"


def test_interpreter_on_path_is_used_last(tmp_path: Path) -> None:
    """`python3` on PATH is used if no other interpreter exists."""
    bootstrap = install(tmp_path)
    stub(tmp_path / "path" / "python3", "on-path")
    result = start([bootstrap], tmp_path, env={"PATH": str(tmp_path / "path")})
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert started(tmp_path)[0] == "on-path"


def test_missing_interpreter_is_explained(tmp_path: Path) -> None:
    """Without an interpreter, bootstrap writes one line with the cure and exits with 127."""
    bootstrap = install(tmp_path)
    result = start([bootstrap], tmp_path, env={"PATH": empty_path(tmp_path)})
    text = (result.stdout + result.stderr).decode()
    assert result.exit_code == 127
    assert text.count("\n") == 1 and "python3" in text and "AWSLAMBDARIC_LITE_PYTHON" in text


@pytest.mark.parametrize("kind", ["missing", "directory", "not executable"])
def test_unusable_interpreter_is_reported(tmp_path: Path, kind: str) -> None:
    """An unusable AWSLAMBDARIC_LITE_PYTHON is reported in one line, and bootstrap exits with 127."""
    bootstrap = install(tmp_path)
    stub(tmp_path / "bin" / "python3", "packaged")
    named = tmp_path / "named"
    if kind == "directory":
        named.mkdir()
    elif kind == "not executable":
        stub(named, "named").chmod(0o644)
    result = start([bootstrap], tmp_path, env={"AWSLAMBDARIC_LITE_PYTHON": str(named)})
    text = (result.stdout + result.stderr).decode()
    assert result.exit_code == 127
    assert text.count("\n") == 1 and f"AWSLAMBDARIC_LITE_PYTHON={named}" in text
    assert not (tmp_path / "started.txt").exists()


def test_interpreter_gets_only_expected_arguments(tmp_path: Path) -> None:
    """The arguments of the interpreter are -S, the runtime's file and bootstrap's arguments."""
    bootstrap = install(tmp_path)
    stub(tmp_path / "bin" / "python3", "packaged")
    start([bootstrap], tmp_path)
    assert started(tmp_path) == ["packaged", "-S", str(tmp_path / MAIN), "app.handler"]


def test_bootstrap_becomes_the_interpreter(tmp_path: Path) -> None:
    """The process that ran bootstrap runs the handler, without a shell as its parent."""
    bootstrap = install(tmp_path)
    source = "import os\ndef handler(event, context):\n    return os.getpid() == os.getsid(0)\n"
    result = start([bootstrap], tmp_path, source, env={"AWSLAMBDARIC_LITE_PYTHON": sys.executable})
    assert bodies(result) == [b"true"] * 2  # the test starts it as the leader of a session


@pytest.mark.parametrize("command", ["./bootstrap", "sh bootstrap", "sh ./bootstrap", "bootstrap"])
def test_bootstrap_finds_package_from_any_path(tmp_path: Path, command: str) -> None:
    """bootstrap finds its package if it is started by a relative path, by `sh` or on PATH."""
    install(tmp_path)
    env = {"AWSLAMBDARIC_LITE_PYTHON": sys.executable, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    words = [str(tmp_path / "bootstrap") if command == "bootstrap" else command.split()[0], *command.split()[1:]]
    result = start(words, tmp_path, env=env)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]


def test_bootstrap_runs_in_unusual_path(tmp_path: Path) -> None:
    """Blanks, quotes and non-ASCII characters in paths are allowed."""
    task_root = tmp_path / "a b'c\"d $HOME é"
    bootstrap = install(task_root)
    stub(task_root / "bin" / "python3", "packaged")
    result = start([bootstrap], task_root)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]


def test_bootstrap_finds_package_in_layer(tmp_path: Path) -> None:
    """In a layer the package is in python/, and the handler is elsewhere."""
    bootstrap = install(tmp_path / "layer", inner="python")
    task_root = tmp_path / "task"
    task_root.mkdir()
    result = start([bootstrap], task_root, env={"AWSLAMBDARIC_LITE_PYTHON": sys.executable})
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]


def test_bootstrap_uses_installed_package(tmp_path: Path) -> None:
    """A bootstrap without a package in its folder uses the installed one."""
    bootstrap = install(tmp_path / "layer", inner="elsewhere")
    task_root = tmp_path / "task"
    task_root.mkdir()
    env = {"AWSLAMBDARIC_LITE_PYTHON": sys.executable, "PYTHONPATH": str(tmp_path / "layer" / "elsewhere")}
    result = start([bootstrap], task_root, env=env)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]


def test_variable_names_the_handler(tmp_path: Path) -> None:
    """Without an argument, `_HANDLER` names the handler, as on Lambda."""
    bootstrap = install(tmp_path)
    launcher = tmp_path / "without-argument"
    launcher.write_text(f'#!/bin/sh\nexec "{bootstrap}"\n')
    launcher.chmod(0o755)
    result = start([launcher], tmp_path, env={"AWSLAMBDARIC_LITE_PYTHON": sys.executable})
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]


def test_exec_wrapper_gets_the_command(tmp_path: Path) -> None:
    """AWS_LAMBDA_EXEC_WRAPPER is executed with the interpreter and its arguments."""
    bootstrap = install(tmp_path)
    stub(tmp_path / "bin" / "python3", "packaged")
    wrapper = tmp_path / "my wrapper"
    wrapper.write_text(
        '#!/bin/sh\nexport WRAPPED=yes\nfor word in "$@"; do echo "$word"; done > wrapped.txt\nexec "$@"\n'
    )
    wrapper.chmod(0o755)
    source = "import os\ndef handler(event, context):\n    return os.environ['WRAPPED']\n"
    result = start([bootstrap], tmp_path, source, env={"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)})
    assert result.ended_by_test and bodies(result) == [b'"yes"'] * 2
    assert (tmp_path / "wrapped.txt").read_text().splitlines() == [
        str(tmp_path / "bin" / "python3"),
        *started(tmp_path)[1:],
    ]


def test_missing_exec_wrapper_gives_official_error(tmp_path: Path) -> None:
    """A missing exec wrapper gives the text and exit code of the managed runtimes."""
    env = {"AWS_LAMBDA_EXEC_WRAPPER": str(tmp_path / "none"), "AWSLAMBDARIC_LITE_PYTHON": sys.executable}
    result = start([install(tmp_path)], tmp_path, env=env)
    assert (result.exit_code, result.stdout + result.stderr) == (127, f"{tmp_path}/none: does not exist\n".encode())
    assert result.requests == []


def test_unusable_exec_wrapper_gives_official_error(tmp_path: Path) -> None:
    """An exec wrapper that is not executable gives the text and exit code of the managed runtimes."""
    (tmp_path / "plain").touch(mode=0o644)
    env = {"AWS_LAMBDA_EXEC_WRAPPER": str(tmp_path / "plain"), "AWSLAMBDARIC_LITE_PYTHON": sys.executable}
    result = start([install(tmp_path)], tmp_path, env=env)
    assert (result.exit_code, result.stdout + result.stderr) == (
        126,
        f"{tmp_path}/plain: is not an executable\n".encode(),
    )
    assert result.requests == []


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONSAFEPATH": "1"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONDEVMODE": "1"},
        {"PYTHONUTF8": "0", "LC_ALL": "C", "LANG": None, "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONUNBUFFERED": "1"},
        {"PYTHONIOENCODING": "utf-8:strict"},
        {"PYTHONDONTWRITEBYTECODE": "1"},
        {"PYTHONNOUSERSITE": "1", "HOME": "/nonexistent"},
        {"PYTHONHASHSEED": "0", "PYTHONFAULTHANDLER": "1", "PYTHONTRACEMALLOC": "1"},
        {"LANG": None, "PATH": "/usr/bin:/bin", "TZ": None, "LAMBDA_TASK_ROOT": None},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_python_variables_are_respected(tmp_path: Path, variables: dict[str, str | None]) -> None:
    """Python's variables take effect, and do not disturb replies or logs."""
    source = """
import logging
def handler(event, context):
    assert event != 1 or not __debug__, "two"
    if event == 1:
        raise ValueError("é")
    logging.warning("logged")
    print("printed")
    return "é"
"""
    env = {"AWSLAMBDARIC_LITE_PYTHON": sys.executable, **variables}
    result = start([install(tmp_path)], tmp_path, source, [Event(b"0"), Event(b"1"), Event(b"2")], env)
    assert result.ended_by_test, result.stderr.decode()
    assert [request.verb for request in result.replies] == ["response", "error", "response"]
    assert bodies(result)[0] == '"é"'.encode()
    assert result.stdout.count(b"\tlogged\n") == result.stdout.count(b"printed\n") == 2
    assert result.stdout.count(b"[ERROR] ") == 1
    assert result.stderr == b""
