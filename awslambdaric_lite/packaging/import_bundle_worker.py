"""Import a handler, and write the names of the files that the modules come from. Runs in the target interpreter.

Every Python from 3.10 on runs it.
"""

import importlib.machinery
import marshal
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def collect(root: str, handler: str, further: "list[str]", output: str) -> None:
    """Import a handler as the runtime does, then further modules; write, by `marshal`, what they are.

    This is a tuple: files of modules below `root` in the order in which they are loaded, files of extension modules
    below `root`, the build of Python, the folder of its standard library, and such files below that.
    """
    site.main()  # packages of the interpreter come after those of the function
    from awslambdaric_lite._handler import provide_official_names
    from awslambdaric_lite._lifecycle.import_bundle import standard_library

    provide_official_names()
    files: list[str] = []
    _record(importlib.machinery.SourceFileLoader, files)
    _record(importlib.machinery.SourcelessFileLoader, files)
    module, _, function = handler.rpartition(".")
    module = module.replace("/", ".")
    __import__(module)
    getattr(sys.modules[module], function)
    for name in further:
        try:
            __import__(name)
        except Exception as error:
            raise ImportError(f"{name} of the import list: {type(error).__name__}: {error}") from None
    files += map(_file_of, list(sys.modules.values()))  # those that were loaded before, and extension modules

    def below(folder: str, but: "tuple[str, ...]" = ()) -> "list[list[str]]":
        names = [file[len(folder) + 1 :] for file in dict.fromkeys(files) if file.startswith(f"{folder}/")]
        names = [name for name in names if not name.startswith(but)]
        return [[name for name in names if name.endswith(ends)] for ends in ((".py", ".pyc"), ".so")]

    library = standard_library()
    standard = below(library, but=("site-packages/", "dist-packages/"))
    with open(output, "wb") as file:
        marshal.dump((*below(root), sys.version, library, *standard), file, 2)


def _record(kind: "Any", files: "list[str]") -> None:
    """Append the files of modules to a list when loaders of a class load them."""
    get_code = kind.get_code

    def record(self: "Any", fullname: str) -> object:
        if type(self) is kind:
            files.append(self.path)
        return get_code(self, fullname)

    kind.get_code = record


_LOADERS = "SourceFileLoader", "SourcelessFileLoader", "ExtensionFileLoader"


def _file_of(module: "Any") -> str:
    """Return the file of a module; empty for others."""
    try:
        spec = module.__spec__
        return str(spec.origin) if type(spec.loader).__name__ in _LOADERS and spec.has_location else ""
    except Exception:  # user code puts anything into `sys.modules`
        return ""
