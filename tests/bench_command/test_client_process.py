"""The process of a run: its exit, its costs and its output."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.bench.client_process import ClientProcess

from ..emulator.command_line import alive, wait_until

WITH_A_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def started(code: str, folder: Path) -> ClientProcess:
    """Start a Python process that runs code in a folder."""
    return ClientProcess(
        [sys.executable, "-c", code], env=dict(os.environ), cwd=folder, output=folder / "output of it.txt"
    )


def test_leaving_the_context_kills_the_whole_group(tmp_path: Path) -> None:
    """A process is killed with all the processes that it started."""
    output = tmp_path / "output of it.txt"
    with started(WITH_A_CHILD, tmp_path) as process:
        wait_until(lambda: output.read_bytes().endswith(b"\n"), "the process has started another")
        child = int(output.read_text())
        assert alive(process.pid) and alive(child) and not process.exited()
    assert not alive(process.pid)
    wait_until(lambda: not alive(child), "the child has exited")


def test_cpu_time_and_memory_are_read_while_the_process_runs(tmp_path: Path) -> None:
    """CPU time grows, and 30 MB that the process touches are part of its memory."""
    output = tmp_path / "output of it.txt"
    with started("x = b'1' * 30_000_000; print(1, flush=True); import time; time.sleep(600)", tmp_path) as process:
        wait_until(lambda: output.read_bytes() == b"1\n", "the process has its memory")
        assert process.cpu_seconds() > 0
        assert 30_000_000 < process.peak_memory() < 200_000_000


def test_process_that_exited_has_an_exit_code_and_no_figures(tmp_path: Path) -> None:
    """A process that exited is reported as such, with its exit code; its CPU time cannot be read."""
    with started("import sys; sys.exit(7)", tmp_path) as process:
        wait_until(process.exited, "it has exited")
        assert process.kill() == 7
        assert process.exited()
        with pytest.raises(OSError):
            process.cpu_seconds()


def test_last_output_has_the_last_lines_of_both_streams(tmp_path: Path) -> None:
    """The last 40 lines of both streams are returned in order, and undecodable bytes are escaped."""
    code = r"""
import os
for i in range(30000): os.write(1 + i % 2, b"line %d\n" % i)
os.write(1, b"\xff in\rlog\n\n")
"""
    with started(code, tmp_path) as process:
        wait_until(process.exited, "it has exited")
        lines = process.last_output().splitlines()
    assert lines[-4:] == ["line 29998", "line 29999", "\\xff in", "log"]
    assert len(lines) == 40


def test_missing_command_raises_the_error_of_the_system(tmp_path: Path) -> None:
    """A command that does not exist raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        ClientProcess([str(tmp_path / "none")], env={}, cwd=tmp_path, output=tmp_path / "output")
