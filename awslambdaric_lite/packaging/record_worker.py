"""The runtime in a process that records the imports of events: `python -S record_worker.py QUESTION HANDLER [--defer]`.

The event QUESTION, a text, does not reach the handler. Its response has the entries of an import list, as pairs of
module and name, for all events before it, and all modules that are loaded then. The runtime takes it after it has sent
the whole response to the last of these, so that imports of coroutines and of streams are among the entries.

With `--defer`, a module runs when an attribute of it is used for the first time, and those that have not run are left
out of the response.

Imports only what the runtime has in any case: what this module imports, a handler does not import any more.
"""

import sys

if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0].rpartition("/")[0])
    import awslambdaric_lite  # noqa: F401 -- its modules are then found through it, and not in the function's folder

    del sys.path[0]

from awslambdaric_lite import _runtime as bootstrap
from awslambdaric_lite._lifecycle.import_list import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def main(question: str, handler: str, *options: str) -> int:
    """Run the handler until the process is killed."""
    list_modules = defer_modules() if options else lambda: list(sys.modules)
    run: Callable[..., None] = bootstrap.loop

    def run_and_record(client: "Any", function: "Callable[[object, Any], object]", *others: "Any") -> None:
        watch = None if options else Watch()  # which uses attributes of all modules

        def answer(event: object, context: "Any") -> object:
            if type(event) is str and event == question:
                imported = [] if watch is None else watch.imported()
                return {"imported": imported, "modules": list_modules()}
            return function(event, context)

        run(client, answer, *others)

    bootstrap.loop = run_and_record  # type: ignore[assignment]
    return bootstrap.main(["", handler], started_as_file=True)


def defer_modules() -> "Callable[[], list[str]]":
    """Let modules run when an attribute of theirs is used; return a function that lists those that have run."""
    import threading  # noqa: F401 -- LazyLoader imports it while it loads a module
    from importlib.machinery import PathFinder, SourceFileLoader, SourcelessFileLoader
    from importlib.util import LazyLoader, _LazyModule  # type: ignore[attr-defined]

    from awslambdaric_lite._lifecycle.own_imports import BREAKING

    class Deferring:
        @staticmethod
        def find_spec(name: str, path: "Any" = None, target: "Any" = None) -> "Any":
            spec = PathFinder.find_spec(name, path, target)
            if spec is None or type(spec.loader) not in (SourceFileLoader, SourcelessFileLoader):
                return spec
            top, _, inner = name.partition(".")
            # Some modules of the standard library replace themselves, which LazyLoader refuses.
            if top in sys.stdlib_module_names or top == "awslambdaric_lite" or (inner and top in BREAKING):
                return spec
            assert spec.loader is not None
            spec.loader = LazyLoader(spec.loader)
            return spec

    sys.meta_path.insert(sys.meta_path.index(PathFinder), Deferring)
    return lambda: [name for name, module in list(sys.modules.items()) if type(module) is not _LazyModule]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
