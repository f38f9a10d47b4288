"""The runtime in a process that records the imports of its events: `python record_worker.py OUTPUT HANDLER`.

After each event, OUTPUT has the entries of an import list for all events so far, as JSON: pairs of module and name.
"""

import os
import sys

if __name__ == "__main__":
    sys.path[0] = os.path.abspath(f"{__file__}/../../..")  # the package may be importable from this place only

    sys.path[0] = os.getcwd()  # as with `python -m awslambdaric_lite`

import json
from collections.abc import Callable
from typing import Any

from awslambdaric_lite import _runtime as bootstrap
from awslambdaric_lite._lifecycle.import_list import Watch


def main(output: str, handler: str) -> int:
    """Run the handler until the process is killed."""
    run: Callable[..., None] = bootstrap.loop

    def run_and_record(client: Any, function: Callable[[object, Any], object], *others: Any) -> None:
        watch: list[Watch] = []

        def record(event: object, context: Any) -> object:
            if not watch:
                watch.append(Watch())
            try:
                return function(event, context)
            finally:
                with open(output, "w", encoding="utf-8") as file:
                    json.dump(watch[0].imported(), file)

        run(client, record, *others)

    bootstrap.loop = run_and_record  # type: ignore[assignment]
    return bootstrap.main(["", handler])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
