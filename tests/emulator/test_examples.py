"""Examples behave as their docstrings describe, run as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .command_line import environment

EXAMPLES = "awslambdaric_lite.examples"


def run(tmp_path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the package."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_hanging_example_logs_stack_before_timeout(tmp_path: Path) -> None:
    """The log of the hanging example names the function that hangs before the timeout message."""
    options = ["--timeout", "1", "--env", "AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS=500"]
    done = run(tmp_path, "awslambdaric_lite.cli", "invoke", f"{EXAMPLES}.hanging.handler", *options)
    assert done.returncode == 1
    assert "Sandbox.Timedout" in done.stdout
    lines = done.stderr.splitlines()
    (stack,) = [number for number, line in enumerate(lines) if line.endswith("in ask")]
    (end,) = [number for number, line in enumerate(lines) if line.endswith("Task timed out after 1.00 seconds")]
    assert stack < end


def test_snap_start_example_reconnects_after_restore(tmp_path: Path) -> None:
    """In the SnapStart example each restored environment opens a new connection."""
    done = run(tmp_path, f"{EXAMPLES}.snap_start")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.strip().split(", then ")
    assert first != second
    messages = [line for line in done.stderr.splitlines() if line.startswith(("closed", "reopened"))]
    assert messages == ["closed before the snapshot", "reopened after the restore"] * 2
