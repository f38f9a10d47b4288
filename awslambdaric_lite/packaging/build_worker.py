"""Call a hook of a project's build backend (PEP 517) in the project's folder: `build_worker.py JOB`.

JOB is a JSON object: `backend`, `backend_path` (folders of the project), `dependencies` (a folder with the backend),
`hook`, `arguments`, and the file `result`, which gets what the hook returns. The interpreter runs with `-S`, so that
only the dependencies are importable.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules must not hide those of the standard library

import importlib
import json
import os
import site
from typing import Any


def _call(job: dict[str, Any]) -> object:
    site.addsitedir(job["dependencies"])
    sys.path[:0] = [os.path.abspath(folder) for folder in job["backend_path"]]
    module, _, attribute = job["backend"].partition(":")
    backend: Any = importlib.import_module(module)
    for name in attribute.split(".") if attribute else ():
        backend = getattr(backend, name)
    hook = getattr(backend, job["hook"], None)
    return [] if hook is None else hook(*job["arguments"])


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    answer = _call(task)
    with open(task["result"], "w", encoding="utf-8") as file:
        json.dump(answer, file)
