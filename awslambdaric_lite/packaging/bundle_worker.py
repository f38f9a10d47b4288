"""Makes a package's bundle. Run as a script, in the interpreter that the bytecode is for.

Takes on standard input, by `marshal`, the `.pyc` of the package and those of modules by their names, in the order
of their execution, and gives back the `.pyc` that holds all of them.
"""

import marshal
import sys
from types import CodeType

_HEADER = 16

# Runs as the package: first what its own file holds, then each module, found in `sys.modules` by those that follow. Who
# takes one out of there and imports it again, or reloads it, has it found at the end of the package's path, where the
# package's own file stands for the modules in it.
_SOURCE = """
exec("code of the package", globals())

def _execute(modules):
    import sys

    make_module, make_spec, loaded = type(sys), type(__spec__), sys.modules
    codes = {__name__ + "." + name: code for name, code in modules}
    place = __spec__.origin

    class Modules:
        @staticmethod
        def find_spec(full_name, target=None):
            if full_name not in codes:
                return None
            spec = make_spec(full_name, Modules, origin=codes[full_name].co_filename)
            spec.has_location = True
            return spec

        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            exec(codes[module.__name__], module.__dict__)

        @staticmethod
        def get_code(full_name):
            return codes[full_name]

        @staticmethod
        def get_source(full_name):
            return None

        @staticmethod
        def is_package(full_name):
            return False

    def recognise(entry):
        if entry != place:
            raise ImportError(f"{entry} is not {place}")
        return Modules

    __path__.append(place)
    sys.path_hooks.append(recognise)
    sys.path_importer_cache[place] = Modules
    for full_name, code in codes.items():
        module = make_module(full_name)
        module.__package__ = __name__
        module.__file__ = code.co_filename
        module.__loader__ = Modules
        module.__spec__ = Modules.find_spec(full_name)
        loaded[full_name] = module
        exec(code, module.__dict__)
        globals()[full_name.rpartition(".")[2]] = module

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
