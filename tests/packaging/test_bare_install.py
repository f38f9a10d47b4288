"""The wheel without its dependencies: the runtime works, and the tools name what they lack."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.support.client_process import GUARD, PROJECT, Run, run_client

HELLO = """
import sys
from decimal import Decimal
from importlib.util import find_spec

NAMES = ("orjson", "urllib3", "typing_extensions", "h11", "rich", "snapshot_restore_py", "simplejson")

def handler(event, context):
    return {
        "hello": event["name"],
        "amount": Decimal("1.10"),
        "there": [name for name in NAMES if find_spec(name)],
        "official": find_spec("awslambdaric").loader.__name__,
        "package": sys.modules["awslambdaric_lite"].__file__,
        "id": context.aws_request_id,
    }
"""
EVENT = Event('{"name": "wörld"}'.encode())


def run_hello(command: list[str], task_root: Path, **env: str | None) -> Run:
    """Run the hello-world handler on one event."""
    (task_root / "app.py").write_text(HELLO)
    return run_client(command, "app.handler", (EVENT,), task_root=task_root, env={"PYTHONPATH": None, **env})


def said_hello(result: Run, folder: Path) -> None:
    """Check that the package of that environment has answered, without its dependencies."""
    assert result.ended_by_test and result.stderr == b""
    (reply,) = result.replies
    assert b'"amount":1.10' in reply.body
    answer = json.loads(reply.body)
    package = answer.pop("package")
    assert answer.pop("official") == "awslambdaric_lite._official.finder"  # AWS's package is missing, too
    assert answer == {"hello": "wörld", "amount": 1.1, "there": [], "id": "request-0"}
    assert Path(package).is_relative_to(folder)


def test_runtime_needs_nothing(bare_environment: Path, tmp_path: Path) -> None:
    """`python -m awslambdaric_lite` answers an event although no dependency is installed."""
    command = [str(bare_environment / "python"), "-m", "awslambdaric_lite"]
    said_hello(run_hello(command, tmp_path), bare_environment.parent)


def test_bootstrap_finds_the_installed_package(bare_environment: Path, tmp_path: Path) -> None:
    """`bootstrap` without a package in its folder runs the installed one of its interpreter."""
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_bytes((PROJECT / "bootstrap").read_bytes())
    bootstrap.chmod(0o755)
    env = {"AWSLAMBDARIC_LITE_PYTHON": str(bare_environment / "python")}
    said_hello(run_hello([str(bootstrap)], tmp_path, **env), bare_environment.parent)


def command_line(bare_environment: Path, task_root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed `awslambdaric-lite` script."""
    script = str(bare_environment / "awslambdaric-lite")
    env = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    return subprocess.run(
        [script, *arguments], env=env, cwd=task_root, capture_output=True, text=True, timeout=GUARD, check=False
    )


def test_missing_extra_is_named(bare_environment: Path, tmp_path: Path) -> None:
    """Without h11 the local Lambda cannot run: one line says which extra to install, without a traceback."""
    (tmp_path / "app.py").write_text(HELLO)
    result = command_line(bare_environment, tmp_path, "invoke", "app.handler")
    assert result.returncode == 2 and result.stdout == ""
    assert "needs h11" in result.stderr and "pip install 'awslambdaric-lite[local]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_pack_names_what_patterns_need(bare_environment: Path, tmp_path: Path) -> None:
    """Without pathspec a folder is packed, unless patterns choose its files: then one line says what to install."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "app.py").write_text(HELLO)
    result = command_line(bare_environment, tmp_path, "pack", "source", "-o", "a.zip")
    assert (result.returncode, result.stdout) == (0, "a.zip\n")
    result = command_line(bare_environment, tmp_path, "pack", "source", "-o", "a.zip", "--exclude", "*.md")
    assert result.returncode == 2 and result.stdout == ""
    assert "needs pathspec" in result.stderr and "pip install 'awslambdaric-lite[local]'" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["invoke", "--help"]], ids=" ".join)
def test_command_line_without_extras(bare_environment: Path, tmp_path: Path, arguments: list[str]) -> None:
    """Help and version need no extra."""
    result = command_line(bare_environment, tmp_path, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert "awslambdaric-lite" in result.stdout
