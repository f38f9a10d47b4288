"""The benchmark of compression levels."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import pytest

from benchmarks.compression import compressed_size, main


def test_sizes_are_those_of_deflate() -> None:
    """The size is that of raw deflate, each file by itself."""
    text = b"one two three " * 100
    expected = len(zlib.compress(text, 6)) - 6  # without zlib's header and checksum
    assert compressed_size([text, text], 6) == 2 * expected


def test_table_has_a_line_for_each_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table compares each level with the best one."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "one two three " * 1000)
    assert main([str(tmp_path / "a.zip"), "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("a.zip: 1 files, 0.0 MB") and len(lines) == 10
    assert "bytes  1.000" in lines[9]
