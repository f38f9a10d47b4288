"""Makes the runtime one piece. Run as a script, in the interpreter that the bytecode is for.

A module is a pair: its source in several ways of writing, of which the first is taken that this interpreter
understands, and the file name to be shown. This takes on standard input, by `marshal`, a dictionary:

- `package`: the module that is the package's `__init__`,
- `first`, `lazy`, `sources`: modules by their names: to be executed at each start; to be compiled and lie in
  `lazy.bin`; and to lie there as they are,
- `first here`, `lazy here`: the constants of the package's code in whose place code and names are to be put,
- `others`: modules that become files of their own,
- `lines`: whether code knows all its line numbers, or only where its function begins in the last way of writing.

Gives back, by `marshal`, the `.pyc` of the package, the content of `lazy.bin`, and the `.pyc` of the others.
Understood by every Python from 3.10 on.
"""

import sys

del sys.path[0]  # this folder, whose modules must not be taken for others of the same name

import importlib.util  # noqa: E402
import marshal  # noqa: E402
from types import CodeType  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Module = tuple[list[bytes], str]

_UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552
# Location tables are made of bytes that begin an entry (bit 7, a kind, the number of code units less one) and what
# belongs to it; kind 13 is a line without columns, 15 none at all. Source: Objects/locations.md of CPython 3.11.
_LINE, _NOTHING = 0x80 | 13 << 3, 0x80 | 15 << 3
_LONGEST = 8  # code units in an entry
_LONGEST_STEP = 254  # bytes


def compile_lean(module: "Module", lines: bool) -> CodeType:
    """Compile a module; the code knows no columns, and lines as asked for."""
    written = _understood(module)
    code = _compiled(written, module[1])
    if not lines and written != module[0][-1]:
        code = _beginning_where(_compiled(module[0][-1], module[1]), code)
    return _lean(code, lines)


def _compiled(source: bytes, shown_as: str) -> CodeType:
    return compile(source, shown_as, "exec", dont_inherit=True, optimize=0)


def _beginning_where(original: CodeType, code: CodeType) -> CodeType:
    """Give functions the first lines that they have in another way of writing, whatever the inner ones are called."""
    constants = list(code.co_consts)
    places = [place for place, each in enumerate(constants) if isinstance(each, CodeType)]
    theirs = [each for each in original.co_consts if isinstance(each, CodeType)]
    if [constants[place].co_flags for place in places] == [each.co_flags for each in theirs]:
        for place, their in zip(places, theirs, strict=True):
            constants[place] = _beginning_where(their, constants[place])
    return code.replace(co_consts=tuple(constants), co_firstlineno=original.co_firstlineno)


def _understood(module: "Module") -> bytes:
    """The first of a module's sources that this interpreter understands: a newer one may have written the others."""
    sources, shown_as = module
    for source in sources[:-1]:
        try:
            _compiled(source, shown_as)
        except SyntaxError:
            continue
        return source
    return sources[-1]


def _lean(code: CodeType, lines: bool) -> CodeType:
    constants = tuple(_lean(each, lines) if isinstance(each, CodeType) else each for each in code.co_consts)
    code = code.replace(co_consts=constants)
    if sys.hexversion < 0x30B0000:  # before 3.11 the table has no columns, and is small
        return code if lines else code.replace(co_linetable=_table_of_one_line(len(code.co_code)))
    wanted = _spans(code, lines)
    smaller = code.replace(co_linetable=_table(code.co_firstlineno, wanted))
    # A Python that writes its table in another way keeps it.
    return smaller if _spans(smaller, True) == wanted else code


def _spans(code: CodeType, lines: bool) -> "list[tuple[int | None, int]]":
    """The lines one after the other, with the number of code units of each."""
    spans: list[tuple[int | None, int]] = []
    for start, end, line in code.co_lines():
        if not lines:
            line = code.co_firstlineno
        if spans and spans[-1][0] == line:
            spans[-1] = (line, spans[-1][1] + (end - start) // 2)
        else:
            spans.append((line, (end - start) // 2))
    return spans


def _table(first_line: int, spans: "list[tuple[int | None, int]]") -> bytes:
    table = bytearray()
    current = first_line
    for line, units in spans:
        while units > 0:
            size = min(units, _LONGEST)
            units -= size
            if line is None:
                table.append(_NOTHING | size - 1)
            else:
                table.append(_LINE | size - 1)
                table += _signed(line - current)
                current = line
    return bytes(table)


def _table_of_one_line(size: int) -> bytes:
    """Return the table of 3.10 that has the function's first line for all its bytes: steps of both, PEP 626."""
    whole, rest = divmod(size, _LONGEST_STEP)
    return bytes((_LONGEST_STEP, 0)) * whole + bytes((rest, 0)) * bool(rest)


def _signed(number: int) -> bytes:
    rest = -number << 1 | 1 if number < 0 else number << 1
    written = bytearray()
    while rest >= 64:
        written.append(0x40 | rest & 63)
        rest >>= 6
    written.append(rest)
    return bytes(written)


def _fill_in(code: CodeType, values: "dict[str, object]") -> CodeType:
    """Put values in the place of constants that stand for them, at any depth."""
    constants = []
    for each in code.co_consts:
        if isinstance(each, CodeType):
            each = _fill_in(each, values)
        constants.append(values.get(each, each) if isinstance(each, str) else each)
    return code.replace(co_consts=tuple(constants))


def _dump(value: "Any") -> bytes:
    # What is referred to twice depends on what the interpreter happens to hold; once through `marshal` it does not.
    return marshal.dumps(marshal.loads(marshal.dumps(value)))


def _pyc(source: bytes, code: CodeType) -> bytes:
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + _dump(code)


def _main() -> None:
    job = marshal.load(sys.stdin.buffer)
    lines = job["lines"]
    first = tuple((name, compile_lean(module, lines)) for name, module in job["first"].items())
    lazy: dict[str, tuple[bytes | None, bytes | None]] = {}
    for name, module in job["lazy"].items():
        lazy[name] = (_dump(compile_lean(module, lines)), None)
    for name, module in job["sources"].items():
        lazy[name] = (None, _understood(module))
    package = _fill_in(
        compile_lean(job["package"], lines),
        {job["first here"]: first, job["lazy here"]: tuple(sorted(lazy))},
    )
    others = {
        name: _pyc(_understood(module), compile_lean(module, lines)) for name, module in sorted(job["others"].items())
    }
    answer = (_pyc(_understood(job["package"]), package), _dump({name: lazy[name] for name in sorted(lazy)}), others)
    marshal.dump(answer, sys.stdout.buffer)


if __name__ == "__main__":
    _main()
