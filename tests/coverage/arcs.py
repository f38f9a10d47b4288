"""Arcs for coverage.py from the notes of measured processes: pairs of lines, as its own measurement makes them."""

from __future__ import annotations

import dis
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

Arc = tuple[int, int]

_LEAVING = ("RETURN_VALUE", "RETURN_GENERATOR")
_JUMPING = ("JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_FORWARD")


def folder_name(module: str) -> str:
    """Return the name of the folder for a module's notes, as `hook.py` makes it."""
    return module.replace("/", "%")


def arcs_of(source: Path, notes: Path) -> set[Arc]:
    """Return the arcs of one source file; notes of another text of this module, e.g. a minified one, are left out."""
    text = source.read_text()
    first_lines = _first_lines(text)
    codes: dict[tuple[str, ...], _Code] = {}
    for each in _codes(text):
        words = each.co_qualname, each.co_firstlineno, sum(each.co_code), sum(each.co_linetable)
        codes[tuple(map(str, words))] = _Code(each, first_lines)
    arcs: set[Arc] = set()
    for note in notes.iterdir():
        name, first, text, lines, kind, *where = note.name.split("|")
        code = codes.get((name, first, text, lines))
        if code is not None:
            arcs.update(code.arcs(kind, *map(int, where)))
    return arcs


def _codes(text: str) -> Iterator[Any]:
    waiting: list[Any] = [compile(text, "source", "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        if code.co_name != "__annotate__":
            yield code


class _Code:
    """A code object: what its notes mean."""

    def __init__(self, code: CodeType, first_lines: dict[int, int]) -> None:
        self._exit = -code.co_firstlineno
        self._first_lines = first_lines
        self._instructions: list[Any] = list(dis.get_instructions(code))
        self._places = {each.offset: place for place, each in enumerate(self._instructions)}

    def arcs(self, kind: str, place: int, to: int = 0) -> Iterator[Arc]:
        if kind == "line":
            yield place, place
        elif (line := self._line(self._instructions[self._places[place]])) is not None:
            end = self._exit if kind == "return" else self._destination(line, to)
            if end is not None:
                yield line, end

    def _line(self, instruction: Any) -> int | None:
        line: int | None = instruction.line_number
        return None if line is None else self._first_lines.get(line, line)

    def _destination(self, line: int, offset: int) -> int | None:
        """Return the next line of the code at `offset`; None if another branch or an exception comes before it."""
        passed: set[int] = set()
        while offset not in passed:
            passed.add(offset)
            while offset not in self._places:
                offset += 2  # the caches of the instruction before
            instruction = self._instructions[self._places[offset]]
            next_line = self._line(instruction)
            if next_line not in (None, line):
                return next_line
            if instruction.opname in _LEAVING:
                return self._exit
            if instruction.opname in _JUMPING:
                offset = instruction.jump_target
            elif instruction.jump_target is not None or instruction.opname == "RERAISE":
                return None
            else:
                offset += 2
        return None


def _first_lines(text: str) -> dict[int, int]:
    """Return the first line of the statement that a line belongs to, by lines."""
    first: dict[int, int] = {}
    start = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            first.update(dict.fromkeys(range(start + 1, token.end[0] + 1), start))
            start = 0
        elif not start and token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            start = token.start[0]
    return first
