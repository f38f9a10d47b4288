"""Compile the parts of a start file. Run as a script, by the interpreter that the bytecode is for.

A module is a dictionary: `writings`, the same source written in several ways, of which the first is used that this
interpreter can compile; and `shown as`, the file name in stack traces. A part is a module with two further entries:
`values`, which replace constants of the code (a list becomes a tuple, a module in it becomes its code); and `pyc`,
whether the code gets the header of a bytecode file.

The script reads from standard input, by `marshal`, a list of parts, and whether their code is to know only the first
line of each function, which takes the least room. It writes, by `marshal`, a list with the marshalled code of each part
and the source that was compiled. Every Python from 3.10 on runs it.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules must not hide those of the standard library

import importlib.util
import marshal
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Module = dict[str, Any]

_UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552


def _compile(source: bytes, shown_as: str) -> CodeType:
    return compile(source, shown_as, "exec", dont_inherit=True, optimize=0)


def compile_module(module: "Module", first_lines_only: bool) -> "tuple[CodeType, bytes]":
    """Return the code of a module, and the source that was compiled."""
    source, shown_as = _first_that_compiles(module), module["shown as"]
    code = _compile(source, shown_as)
    if first_lines_only:
        code = _keep_first_lines(_with_first_lines_of(_compile(module["writings"][-1], shown_as), code))
    return code, source


def _first_that_compiles(module: "Module") -> bytes:
    """Return the first of the sources that this interpreter can compile; a newer Python may have written the others."""
    *written, last = module["writings"]
    for source in written:
        try:
            _compile(source, module["shown as"])
        except SyntaxError:
            continue
        return bytes(source)
    return bytes(last)


def _with_first_lines_of(original: CodeType, code: CodeType) -> CodeType:
    """Give functions the first lines that they have in another writing; inner functions may have other names there."""
    constants = list(code.co_consts)
    places = [place for place, each in enumerate(constants) if isinstance(each, CodeType)]
    originals = [each for each in original.co_consts if isinstance(each, CodeType)]
    if [constants[place].co_flags for place in places] == [each.co_flags for each in originals]:
        for place, each in zip(places, originals, strict=True):
            constants[place] = _with_first_lines_of(each, constants[place])
    return code.replace(co_consts=tuple(constants), co_firstlineno=original.co_firstlineno)


def _keep_first_lines(code: CodeType) -> CodeType:
    """Give all instructions of a function its first line.

    Source of the tables: PEP 626 for 3.10, pairs of bytes and lines; Objects/locations.md of CPython for later ones,
    entries of at most 8 code units without columns, whose line is the same as before.
    """
    constants = tuple(_keep_first_lines(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    size = len(code.co_code)
    if sys.hexversion < 0x30B0000:
        whole, rest = divmod(size, 254)
        table = bytes((254, 0)) * whole + bytes((rest, 0)) * bool(rest)
    else:
        whole, rest = divmod(size // 2, 8)
        table = bytes((0xE8 | 7, 0)) * whole + (bytes((0xE8 | rest - 1, 0)) if rest else b"")
    code = code.replace(co_consts=constants)
    smaller = code.replace(co_linetable=table)
    # A Python that writes its table in another way keeps it.
    is_right = {line for _, _, line in smaller.co_lines()} == {code.co_firstlineno}
    return smaller if is_right and [*smaller.co_lines()][-1][1] == size else code


def _fill_in(code: CodeType, values: "dict[str, object]") -> CodeType:
    """Replace constants by values, in inner functions, too."""
    constants = []
    for each in code.co_consts:
        if isinstance(each, CodeType):
            each = _fill_in(each, values)
        constants.append(values.get(each, each) if isinstance(each, str) else each)
    return code.replace(co_consts=tuple(constants))


def _value(given: "Any", first_lines_only: bool) -> object:
    if isinstance(given, dict):
        return compile_module(given, first_lines_only)[0]
    return tuple(_value(each, first_lines_only) for each in given) if isinstance(given, list) else given


def _main() -> None:
    parts, first_lines_only = marshal.load(sys.stdin.buffer)
    result = []
    for part in parts:
        code, source = compile_module(part, first_lines_only)
        code = _fill_in(code, {name: _value(each, first_lines_only) for name, each in part["values"].items()})
        header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source)
        # `marshal` writes references to objects that the interpreter shares by chance; those that it has read, it does
        # not share.
        data = marshal.dumps(marshal.loads(marshal.dumps(code)))
        result.append((header + data if part["pyc"] else data, source))
    marshal.dump(result, sys.stdout.buffer, 2)


if __name__ == "__main__":
    _main()
