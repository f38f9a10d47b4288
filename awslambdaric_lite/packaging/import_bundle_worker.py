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

    This is a tuple: files below `root` in the order of their imports, the build of Python, the folder of its standard
    library, and the files below that.
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
    names = [*dict.fromkeys(filter(None, map(_file_of, list(sys.modules.values()))))]
    library = standard_library()
    own = [name[len(root) + 1 :] for name in names if name.startswith(f"{root}/")]
    standard = [name[len(library) + 1 :] for name in names if name.startswith(f"{library}/")]
    standard = [name for name in standard if not name.startswith(("site-packages/", "dist-packages/"))]
    with open(output, "wb") as file:
        marshal.dump((own, sys.version, library, standard), file, 2)


def _file_of(module: "Any") -> str:
    """Return the file of a module that has code of Python; empty for others."""
    try:
        spec = module.__spec__
        is_file = type(spec.loader).__name__ in ("SourceFileLoader", "SourcelessFileLoader")
        return str(spec.origin) if is_file and spec.has_location else ""
    except Exception:  # user code puts anything into `sys.modules`
        return ""
