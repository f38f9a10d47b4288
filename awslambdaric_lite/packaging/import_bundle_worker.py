"""Import a handler, and write the names of the files that the modules come from. Runs in the target interpreter.

Every Python from 3.10 on runs it.
"""

import marshal
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def collect(root: str, handler: str, further: "list[str]", output: str) -> None:
    """Import a handler as the runtime does, then further modules; write, by `marshal`, what they are.

    This is a tuple: files of modules below `root` in the order of their imports, files of extension modules below
    `root`, the build of Python, the folder of its standard library, and such files below that.
    """
    site.main()  # packages of the interpreter come after those of the function
    from awslambdaric_lite._handler import provide_official_names
    from awslambdaric_lite._lifecycle.import_bundle import standard_library

    provide_official_names()
    module, _, function = handler.rpartition(".")
    module = module.replace("/", ".")
    __import__(module)
    getattr(sys.modules[module], function)
    for name in further:
        __import__(name)
    library = standard_library()
    files = [_file_of(module) for module in list(sys.modules.values())]

    def below(folder: str) -> "list[list[str]]":
        names = [file[len(folder) + 1 :] for file in dict.fromkeys(files) if file.startswith(f"{folder}/")]
        names = [name for name in names if not name.startswith(("site-packages/", "dist-packages/"))]
        return [[name for name in names if name.endswith(ends)] for ends in ((".py", ".pyc"), ".so")]

    with open(output, "wb") as file:
        marshal.dump((*below(root), sys.version, library, *below(library)), file, 2)


_LOADERS = "SourceFileLoader", "SourcelessFileLoader", "ExtensionFileLoader"


def _file_of(module: "Any") -> str:
    """Return the file of a module; empty for others."""
    try:
        spec = module.__spec__
        return str(spec.origin) if type(spec.loader).__name__ in _LOADERS and spec.has_location else ""
    except Exception:  # user code puts anything into `sys.modules`
        return ""
