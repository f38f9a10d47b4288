"""The process of a run."""

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
    """A Python process that runs a piece of code in a folder."""
    return ClientProcess(
        [sys.executable, "-c", code], env=dict(os.environ), cwd=folder, output=folder / "output of it.txt"
    )


def test_the_end_takes_the_whole_group_along(tmp_path: Path) -> None:
    """Whatever the process started ends with it."""
    output = tmp_path / "output of it.txt"
    with started(WITH_A_CHILD, tmp_path) as process:
        wait_until(lambda: output.read_bytes().endswith(b"\n"), "the process has started another")
        child = int(output.read_text())
        assert alive(process.pid) and alive(child) and not process.ended()
    assert not alive(process.pid)
    wait_until(lambda: not alive(child), "the child has ended")


def test_what_it_costs_is_read_while_it_runs(tmp_path: Path) -> None:
    """CPU time grows, and memory is that of the process: 30 MB that it touches are seen."""
    output = tmp_path / "output of it.txt"
    with started("x = b'1' * 30_000_000; print(1, flush=True); import time; time.sleep(600)", tmp_path) as process:
        wait_until(lambda: output.read_bytes() == b"1\n", "the process has its memory")
        assert process.cpu_seconds() > 0
        assert 30_000_000 < process.peak_memory() < 200_000_000


def test_one_that_ended_by_itself_is_known(tmp_path: Path) -> None:
    """With its exit code, and without its figures."""
    with started("import sys; sys.exit(7)", tmp_path) as process:
        wait_until(process.ended, "it has ended")
        assert process.kill() == 7
        assert process.ended()
        with pytest.raises(OSError):
            process.cpu_seconds()


def test_its_last_words_are_the_last_lines(tmp_path: Path) -> None:
    """Of both streams, in order, whatever bytes there are, and not all of them."""
    code = r"""
import os
for i in range(30000): os.write(1 + i % 2, b"line %d\n" % i)
os.write(1, b"\xff in\rlog\n\n")
"""
    with started(code, tmp_path) as process:
        wait_until(process.ended, "it has ended")
        lines = process.last_words().splitlines()
    assert lines[-4:] == ["line 29998", "line 29999", "\\xff in", "log"]
    assert len(lines) == 40


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    """The system's error comes through."""
    with pytest.raises(FileNotFoundError):
        ClientProcess([str(tmp_path / "none")], env={}, cwd=tmp_path, output=tmp_path / "output")
