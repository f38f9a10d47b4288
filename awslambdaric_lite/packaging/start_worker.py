"""Makes what starts the runtime. Run as a script, in the interpreter that the bytecode is for.

Takes on standard input, by `marshal`, a dictionary:

- `script`, `maker`: the sources of `in_package/start_script.py` and `start_modules.py`, lean,
- `shown as`: what these two are called in stack traces,
- `init`, `modules`: the package's own module, and a list of the others; each is its name, its lean source, and the
  file name that it is shown with,
- `values`: what is put in the place of strings of the maker.

Gives back, by `marshal`, the `.pyc` of the script, and what the script reads. Understood by every Python from 3.10 on.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules must not be taken for others of the same name

import importlib.util
import marshal
from types import CodeType

_UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552


def _compiled(source: bytes, shown_as: str) -> CodeType:
    return compile(source, shown_as, "exec", dont_inherit=True, optimize=0)


def _dump(code: CodeType) -> bytes:
    # What is referred to twice depends on what the interpreter happens to hold; once through `marshal` it does not.
    return marshal.dumps(marshal.loads(marshal.dumps(code)))


def _main() -> None:
    job = marshal.load(sys.stdin.buffer)
    _, source, shown_as = job["init"]
    values = {
        **job["values"],
        "code of the package": _compiled(source, shown_as),
        "modules": tuple((name, _compiled(source, shown_as)) for name, source, shown_as in job["modules"]),
    }
    maker = _compiled(job["maker"], job["shown as"])
    constants = tuple(values.get(value, value) if isinstance(value, str) else value for value in maker.co_consts)
    script = job["script"]
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(script)
    answer = (header + _dump(_compiled(script, job["shown as"])), _dump(maker.replace(co_consts=constants)))
    marshal.dump(answer, sys.stdout.buffer)


if __name__ == "__main__":
    _main()
