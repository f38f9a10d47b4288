"""Import a handler, and write which files its modules came from: the function `collect` runs in the target interpreter.

Every Python from 3.10 on runs it.
"""

import marshal
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def collect(root: str, handler: str, further: "list[str]", output: str) -> None:
    """Import a handler as the runtime does, then further modules; write, by `marshal`, the files below `root`."""
    site.main()  # packages of the interpreter come after those of the function
    from awslambdaric_lite._handler import provide_official_names

    provide_official_names()
    module, _, function = handler.rpartition(".")
    module = module.replace("/", ".")
    __import__(module)
    getattr(sys.modules[module], function)
    for name in further:
        __import__(name)
    files = {name[len(root) + 1 :] for name in map(_file_of, list(sys.modules.values())) if name.startswith(f"{root}/")}
    with open(output, "wb") as file:
        marshal.dump(sorted(files), file, 2)


def _file_of(module: "Any") -> str:
    """Return the file of a module that has code of Python; empty for others."""
    try:
        spec = module.__spec__
        is_file = type(spec.loader).__name__ in ("SourceFileLoader", "SourcelessFileLoader")
        return str(spec.origin) if is_file and spec.has_location else ""
    except Exception:  # user code puts anything into `sys.modules`
        return ""
