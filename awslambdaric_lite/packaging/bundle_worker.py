"""Makes a package's bundle. Run as a script, in the interpreter that the bytecode is for.

Takes on standard input, by `marshal`, the `.pyc` of the package and those of modules by their names, in the order
of their execution, and gives back the `.pyc` that holds all of them.
"""

import marshal
import sys
from types import CodeType

_HEADER = 16

# Runs as the package: first what its own file holds, then each module, found in `sys.modules` by those that follow.
_SOURCE = """
exec("code of the package", globals())

def _execute(modules):
    from sys import modules as loaded

    make_module, make_spec = type(loaded["sys"]), type(__spec__)
    for name, code in modules:
        full_name = __name__ + "." + name
        module = make_module(full_name)
        module.__package__ = __name__
        module.__file__ = code.co_filename
        module.__loader__ = __loader__
        module.__spec__ = make_spec(full_name, __loader__, origin=code.co_filename)
        loaded[full_name] = module
        exec(code, module.__dict__)
        globals()[name] = module

_execute("modules")
del _execute
"""


def bundle(package: bytes, modules: "list[tuple[str, bytes]]") -> bytes:
    """Return one `.pyc` for the package and its modules, with the header of the package's own."""
    code: CodeType = marshal.loads(package[_HEADER:])
    parts = tuple((name, marshal.loads(pyc[_HEADER:])) for name, pyc in modules)
    frame = compile(_SOURCE, code.co_filename, "exec", dont_inherit=True, optimize=0)
    values = {"code of the package": code, "modules": parts}
    constants = tuple(values.get(value, value) if isinstance(value, str) else value for value in frame.co_consts)
    return package[:_HEADER] + marshal.dumps(frame.replace(co_consts=constants))


if __name__ == "__main__":
    sys.stdout.buffer.write(bundle(*marshal.loads(sys.stdin.buffer.read())))
