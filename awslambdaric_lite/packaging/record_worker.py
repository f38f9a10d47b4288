"""The runtime in a process that records the imports of events: `python -S record_worker.py QUESTION HANDLER`.

The event QUESTION, a text, does not reach the handler. Its response has the entries of an import list, as pairs of
module and name, for all events before it, and all modules that are loaded then. The runtime takes it after it has sent
the whole response to the last of these, so that imports of coroutines and of streams are among the entries.

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


def main(question: str, handler: str) -> int:
    """Run the handler until the process is killed."""
    run: Callable[..., None] = bootstrap.loop

    def run_and_record(client: "Any", function: "Callable[[object, Any], object]", *others: "Any") -> None:
        watch = Watch()

        def answer(event: object, context: "Any") -> object:
            if type(event) is str and event == question:
                return {"imported": watch.imported(), "modules": list(sys.modules)}
            return function(event, context)

        run(client, answer, *others)

    bootstrap.loop = run_and_record  # type: ignore[assignment]
    return bootstrap.main(["", handler], started_as_file=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
