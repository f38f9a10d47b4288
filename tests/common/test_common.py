"""Tests of the helpers that the tools share."""

from __future__ import annotations

from pathlib import Path

import pytest

from awslambdaric_lite.common.files import is_unfinished, replacing, unfinished_name, write_whole
from awslambdaric_lite.common.json_text import compact, parse
from awslambdaric_lite.common.words import count, escape_controls, format_size, quoted


def test_compact_json_has_no_spaces() -> None:
    """JSON is written without spaces, and escaped to ASCII only on request."""
    assert compact({"é": [1, None]}) == '{"é":[1,null]}'
    assert compact("é", ascii_only=True) == '"\\u00e9"'


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}', "[" * 100_000, b"\xff", "", "{"])
def test_text_that_is_not_json_is_refused(text: str | bytes) -> None:
    """Constants that RFC 8259 does not know, text nested too deeply and broken text raise ValueError."""
    with pytest.raises(ValueError):
        parse(text)


def test_json_numbers_can_be_kept_exact() -> None:
    """The caller's function makes the numbers that have a fraction."""
    assert parse(b'{"a":1.50}', parse_float=str) == {"a": "1.50"}


def test_failed_write_keeps_old_file(tmp_path: Path) -> None:
    """A file keeps its content if writing its replacement fails, and no other file is left in the folder."""
    path = tmp_path / "file"
    write_whole(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_written_file_replaces_target_of_link(tmp_path: Path) -> None:
    """A symbolic link stays a link; the file that it names gets the new content."""
    (tmp_path / "link").symlink_to("deep")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "deep").read_bytes() == b"new" and (tmp_path / "link").is_symlink()


def test_unfinished_name_is_recognised(tmp_path: Path) -> None:
    """The name of an unfinished file is recognised by the name of its output."""
    name = unfinished_name(tmp_path / "out.zip").name
    assert is_unfinished(name, "out.zip") and not is_unfinished(name, "other.zip")


def test_numbers_have_units_and_plurals() -> None:
    """A count of one has a singular noun; a size has the largest unit that fits."""
    assert [count(1, "file"), count(2, "file"), count(0, "entry", "entries")] == ["1 file", "2 files", "0 entries"]
    assert [format_size(size) for size in (900, 1229, 34 * 2**20)] == ["900 B", "1.2 KB", "34.0 MB"]


def test_control_characters_are_escaped() -> None:
    """A name with control characters is shown in quotes with escapes, and a long one is cut."""
    assert escape_controls("plain é") == "plain é"
    assert escape_controls("a\x1b[2J") == "'a\\x1b[2J'"
    assert len(quoted("x" * 500)) == 202
