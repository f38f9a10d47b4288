"""Text from functions, clients, packages and files, as a terminal may get it.

Each way of this package to a terminal, or to a pipe whose text may reach one later, goes through this module. No
character of the text acts on the terminal, and a line like those of the platform is indented, unless it is one.
"""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from typing import TextIO

_INDENT = "  "
_LINE_END = re.compile(r"\r\n|\r|\n")
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_WORDS = (
    *("START", "END", "REPORT", "INIT_START", "INIT_REPORT", "RESTORE_START", "RESTORE_REPORT"),
    *("EXTENSION", "TELEMETRY", "LOGS", "XRAY"),
)
_LIKE_PLATFORM = re.compile(rf"(?:{'|'.join(_WORDS)})[ :]|RequestId: |\S+ \S+ Task timed out after ")
_LIKE_MESSAGE = re.compile(r"\[[\w ]+\]|LAMBDA_WARNING|awslambdaric-lite|usage|warning:|No result:|Changed:")
_BEGINNING = 400  # characters of a line that are compared; more of them cannot be seen


class PlatformLine(str):
    """Line of the platform. Every other line of a log is of a function or an extension, which chose its text."""


class ReportLine(str):
    """Line that may belong to the error report before it, whose message has line ends; no log tells them apart."""


def visible(text: str) -> str:
    """Return one line: each character that acts on a terminal, or that it cannot show, becomes an escape."""
    return text if text.isprintable() else "".join(map(_visible, text))


def visible_lines(text: str, *, colours: bool = False) -> str:
    """Return text of one origin, whose lines are indented where they could be taken for lines of another origin.

    With `colours`, a terminal still gets the colours that the text chose, and nothing else.
    """
    shown, is_own, is_inner = [], isinstance(text, PlatformLine), isinstance(text, ReportLine)
    for number, line in enumerate(_LINE_END.split(text)):
        forged = _looks_like_message(line) if number or is_inner else not is_own and looks_like_platform(line)
        shown.append((_INDENT if forged else "") + _visible_line(line, colours=colours))
    return "\n".join(shown)


def visible_content(text: str) -> str:
    """Return content, e.g. the response of a function, with its own lines; those like the platform's are indented."""
    lines = (_visible_line(line, colours=False) for line in text.split("\n"))
    return "\n".join(_INDENT + line if looks_like_platform(line) else line for line in lines)


class VisibleParts:
    """Content that arrives in parts; the beginning of a line waits while it could become one like the platform's."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._beginning = ""
        self._is_within = False  # of a line whose beginning has been shown

    def add(self, part: bytes) -> str:
        """Return what may be shown of the content so far and has not been."""
        first, *others = self._decoder.decode(part).split("\n")
        shown = [self._extend(first)]
        for text in others:
            shown += (self.end(), "\n", self._extend(text))
        return "".join(shown)

    def end(self) -> str:
        """Return what waits."""
        waiting, self._beginning, self._is_within = self._beginning, "", False
        return visible_content(waiting)

    def _extend(self, text: str) -> str:
        if self._is_within:
            return _visible_line(text, colours=False)
        self._beginning += text
        seen = _seen(self._beginning)
        if any(f"{word} ".startswith(seen) for word in (*_WORDS, "RequestId:")):
            return ""
        shown = self.end()
        self._is_within = True
        return shown


def visible_json(text: str) -> str:
    """Return the same JSON with escapes in place of the characters that act on a terminal."""
    text = text.replace("\r", "\n")  # white space between values
    return "".join(c if c < "\x7f" or _is_harmless(c) else json.dumps(c)[1:-1] for c in text)


def looks_like_platform(line: str) -> bool:
    """Return whether a reader could take a line for one of the platform."""
    line = _COLOUR.sub("", line)
    seen = _seen(line)
    if seen.startswith("{") and ("platform" in line or "\\u" in line):
        try:
            value = json.loads(line[line.index("{") :])
        except (ValueError, RecursionError):
            return '"platform.' in line
        return isinstance(value, dict) and str(value.get("type")).startswith("platform.")
    return _LIKE_PLATFORM.match(seen) is not None


def _looks_like_message(line: str) -> bool:
    """Return whether a line could be the first one of an event in a log, or of a message."""
    return looks_like_platform(line) or _LIKE_MESSAGE.match(_seen(_COLOUR.sub("", line))) is not None


def _seen(line: str) -> str:
    """Return the beginning of a line without characters that may have no width."""
    return "".join(c for c in line[:_BEGINNING] if " " <= c <= "~").lstrip()


def print_lines(text: str, stream: TextIO, *, end: str = "\n", prefix: str = "") -> None:
    """Print text of one origin, e.g. a message, with a prefix before each of its lines."""
    encoding = stream.encoding or "utf-8"
    shown = prefix + visible_lines(text).replace("\n", f"\n{prefix}") + end
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _visible_line(line: str, *, colours: bool) -> str:
    if line.isprintable():
        return line
    if not colours:
        return "".join(map(_visible, line))
    parts: list[str] = []
    at = 0
    for colour in _COLOUR.finditer(line):
        parts += (*map(_visible, line[at : colour.start()]), colour[0])
        at = colour.end()
    return "".join((*parts, *map(_visible, line[at:])))


def _visible(character: str) -> str:
    return character if character == "\t" or _is_harmless(character) else ascii(character)[1:-1]


def _is_harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"  # spaces such as U+3000
