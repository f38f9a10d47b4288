"""Numbers and names in messages for people."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 200  # characters of a name that a message shows


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def format_size(size: int) -> str:
    """Return a number of bytes in the largest unit that fits (1024 bytes are a KB): `900 B`, `1.2 KB`, `34.0 MB`."""
    if size < 1024:
        return f"{size} B"
    if size < 2**20:
        return f"{size / 1024:.1f} KB"
    return f"{size / 2**20:.1f} MB"


def quoted(name: str) -> str:
    """Return a name in quotes and in ASCII, cut if it is long, without characters that a terminal obeys."""
    text = ascii(name)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…'"


def escape_controls(name: str) -> str:
    """Return a name as it is, or quoted where it is long or has characters that a terminal could obey."""
    return name if name.isprintable() and len(name) <= _LONGEST else quoted(name)


def shorten_list(texts: Sequence[str], longest: int) -> str:
    """Return at most that many texts with commas between them: `a, b and 2 more`."""
    rest = len(texts) - longest
    return ", ".join(texts[:longest]) + (f" and {rest} more" if rest > 0 else "")
