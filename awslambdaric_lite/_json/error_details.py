"""Error details: owns the official client's messages for invalid JSON. Loaded when the scanner refuses a text.

The standard library's messages differ from those of simplejson, which the official client uses, and between versions of
Python. So this module parses the text a second time to find the position and the reason.
"""

import re

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")


class _Wrong(Exception):
    def __init__(self, reason: str, position: int, end: "int | None" = None) -> None:
        self.reason = reason
        self.position = position
        self.end = end


def explain(text: str) -> "str | None":
    """Return the official message for a text that is not JSON, None for one that is."""
    try:
        _read(text)
    except _Wrong as wrong:
        position = wrong.position
        reason = wrong.reason.replace("%r", repr(text[position : position + 1]))
        if wrong.end is None:
            return f"{reason}: {_place(text, position)} (char {position})"
        return f"{reason}: {_place(text, position)} - {_place(text, wrong.end)} (char {position} - {wrong.end})"
    return None


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position + 1 if line == 1 else position - text.rindex("\n", 0, position)
    return f"line {line} column {column}"


def _space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _read(text: str) -> None:
    """Parse one document, with a list of open brackets instead of recursion."""
    position = 1 if text[:1] == "\ufeff" else 3 if text[:3] == "\xef\xbb\xbf" else 0
    position = _space(text, position)
    brackets: list[str] = []
    while True:
        # A value is due at `position`.
        char = text[position : position + 1]
        if char == "{":
            position = _space(text, position + 1)
            if text[position : position + 1] == "}":
                position += 1
            elif text[position : position + 1] == '"':
                brackets.append("{")
                position = _key(text, position)
                continue
            else:
                raise _Wrong("Expecting property name enclosed in double quotes or '}'", position)
        elif char == "[":
            position = _space(text, position + 1)
            if text[position : position + 1] == "]":
                position += 1
            elif position >= len(text):
                raise _Wrong("Expecting value or ']'", position)
            else:
                brackets.append("[")
                continue
        else:
            position = _leaf(text, position)
        # A value has ended: close brackets, or go on to the next value.
        while brackets:
            position = _space(text, position)
            char = text[position : position + 1]
            is_object = brackets[-1] == "{"
            if char == ("}" if is_object else "]"):
                brackets.pop()
                position += 1
                continue
            if char != ",":
                raise _Wrong(f"Expecting ',' delimiter or '{'}' if is_object else ']'}'", position)
            comma, position = position, _space(text, position + 1)
            char = text[position : position + 1]
            if char == ("}" if is_object else "]"):
                raise _Wrong(f"Illegal trailing comma before end of {'object' if is_object else 'array'}", comma)
            if is_object:
                if char != '"':
                    raise _Wrong("Expecting property name enclosed in double quotes", position)
                position = _key(text, position)
            break
        else:
            position = _space(text, position)
            if position != len(text):
                raise _Wrong("Extra data", position, len(text))
            return


def _key(text: str, position: int) -> int:
    position = _space(text, _string(text, position))
    if text[position : position + 1] != ":":
        raise _Wrong("Expecting ':' delimiter", position)
    return _space(text, position + 1)


def _leaf(text: str, position: int) -> int:
    if text[position : position + 1] == '"':
        return _string(text, position)
    for constant in ("null", "true", "false"):
        if text.startswith(constant, position):
            return position + len(constant)
    number = _NUMBER.match(text, position)
    if number is None:
        raise _Wrong("Expecting value", position)
    return number.end()


def _string(text: str, begin: int) -> int:
    position = begin + 1
    while True:
        plain = _PLAIN.match(text, position)
        position = plain.end() if plain else position
        char = text[position : position + 1]
        if char == '"':
            return position + 1
        if not char:
            raise _Wrong("Unterminated string starting at", begin)
        if char != "\\":
            raise _Wrong("Invalid control character %r at", position)
        escape = text[position + 1 : position + 2]
        if not escape:
            raise _Wrong("Unterminated string starting at", begin)
        if escape == "u":
            if not _HEX4.match(text, position + 2):
                raise _Wrong("Invalid \\uXXXX escape sequence", position)
            position += 6
        elif escape in '"\\/bfnrt':
            position += 2
        else:
            raise _Wrong("Invalid \\X escape sequence %r", position + 1)
