"""Tests of `_report`: where it finds source lines, and the exit status that it reports."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from awslambdaric_lite import _report
from awslambdaric_lite._report import exit_status_of, format_frames, frames_of


@pytest.fixture(autouse=True)
def _fresh_source_lines() -> Iterator[None]:
    """Clear the cache of source lines before and after each test."""
    _report.reset_caches()
    yield
    _report.reset_caches()


def last_entry(path: str) -> str:
    """Return the stack entry of an exception in the third line of a file, and check it against `traceback`'s."""
    try:
        exec(compile("\n\n1 / 0", path, "exec"), {})
    except ZeroDivisionError as error:
        entries = format_frames(frames_of(error.__traceback__))
        frames = [
            (frame.filename, frame.lineno, frame.name, frame.line)
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        assert entries == traceback.format_list(frames)  # type: ignore[arg-type]  # a line may be None
        return entries[-1]
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("path", "found"),
    [("lines.txt", True), ("folder/lines.txt", True), ("./lines.txt", True), ("/lines.txt", False), ("no.txt", False)],
)
def test_source_with_relative_path_is_found_below_sys_path(
    path: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is searched in all folders of `sys.path`, an absolute one is not."""
    monkeypatch.chdir(tmp_path / "..")
    for folder in (tmp_path, tmp_path / "folder"):
        folder.mkdir(exist_ok=True)
        (folder / "lines.txt").write_text("first\nsecond\n  third\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert ("    third\n" in last_entry(path)) == found


@pytest.mark.parametrize(
    "comments",
    [
        b"# coding: latin-1\n# coding: utf-8\n",
        b"\n# coding: latin-1\n",
        b" \t\n \f# -*- coding=latin-1 -*-\n",
        b"# coding\n# coding: latin-1\n",
        b"#\n# encoding=latin-1;\n",
    ],
)
def test_first_coding_decides(comments: bytes, tmp_path: Path) -> None:
    """The coding of a source file is the first one in its first two lines, as PEP 263 says."""
    path = tmp_path / "lines.txt"
    path.write_bytes(comments + b"'\xe9'\n")
    assert last_entry(str(path)).endswith("    'é'\n")


@pytest.mark.parametrize(
    "code",
    [
        "",
        "None",
        "0",
        "1",
        "3",
        "255",
        "256",
        "257",
        "-1",
        "2**31 + 5",
        "2**63 - 2",
        "2**63 + 5",
        "-2**63",
        "-2**63 - 1",
        "True",
        "False",
        "'text'",
        "''",
        "1.0",
        "()",
    ],
)
def test_exit_status_is_the_interpreters(code: str) -> None:
    """The exit status of `SystemExit` is the one with which the interpreter exits."""
    statement = f"raise SystemExit({code})"
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-c", statement], stderr=subprocess.DEVNULL, timeout=60, check=False
    )
    with pytest.raises(SystemExit) as caught:
        exec(statement)
    assert exit_status_of(caught.value) == finished.returncode
