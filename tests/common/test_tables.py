"""Tables for people, on a terminal and in a pipe."""

from __future__ import annotations

import io
import sys

import pytest

from awslambdaric_lite.common.tables import Printer, Table, escape_unprintable, require_rich

TABLE = Table("Sizes", ["name", "size"], [["a.py", "12 B"], ["library.so", "1.0 KB"]], row_styles={"a.py": "bold red"})


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def drawn(stream: io.StringIO, table: Table = TABLE) -> str:
    """Return the text of a table on a stream."""
    Printer(stream).table(table)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def colour_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that describes a terminal of 40 columns with colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_pipe_gets_aligned_columns() -> None:
    """A table in a pipe has columns of text and figures, and no spaces at the ends of its lines."""
    assert drawn(io.StringIO()) == "Sizes\nname          size\na.py          12 B\nlibrary.so  1.0 KB\n"


def test_pipe_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets plain text even where the environment asks for colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in drawn(io.StringIO())


def test_wide_tables_are_not_cut() -> None:
    """A pipe has no width: each row of a wide table is one line with all of its text."""
    message = "word " * 2_000 + "end"
    text = drawn(io.StringIO(), Table("", ["level", "message"], [["error", message]], text_columns=2))
    assert text.splitlines()[1] == f"error  {message}"


def test_terminal_gets_styles_and_rules() -> None:
    """A terminal gets styled rows and a line below the header; long cells are folded, not cut."""
    text = drawn(Terminal(), Table("", ["name"], [["0123456789" * 6]], row_styles={"0123456789" * 6: "red"}))
    assert "\x1b[31m" in text and "─" in text
    assert text.count("0") + text.count("9") >= 12


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets no colours where NO_COLOR is set, and plain text where it can do nothing else."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in drawn(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in drawn(Terminal())


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_control_characters_are_escaped(stream: type[io.StringIO]) -> None:
    """Neither a name with control characters nor one with rich's markup changes the output."""
    text = drawn(stream(), Table("T", ["name"], [["[red]x[/red]"], ["a\x1b[31mb\nc\r"]]))
    assert "[red]x[/red]" in text and "a\\x1b[31mb\\nc\\r" in text
    assert escape_unprintable("häß 'x'") == "häß 'x'"


def test_unencodable_characters_are_escaped() -> None:
    """A stream that cannot encode a character gets its escape instead of an error."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    Printer(stream).line("12 µs")
    stream.flush()
    assert written.getvalue() == b"12 \\xb5s\n"


def test_missing_rich_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rich the error says which extra to install."""
    monkeypatch.delitem(sys.modules, "rich", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'awslambdaric-lite\[local\]'") as caught:
        require_rich()
    assert caught.value.name == "rich"
