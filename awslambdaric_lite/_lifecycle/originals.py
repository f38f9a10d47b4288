"""Modules of the standard library as they were before user code ran, which may replace their functions.

For modules of the package that are loaded after user code, or that outlive its changes. The place of files
that settings name is here, too, because user code may change the current folder.
"""

import sys

from .._settings import originals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_namespace: "Any" = type(sys.implementation)  # types.SimpleNamespace
_signal: "Any" = _namespace(**originals["_signal"])
_thread: "Any" = _namespace(**originals["_thread"])
posix: "Any" = _namespace(**originals["posix"])
time: "Any" = _namespace(**originals["time"])


def in_task_root(path: str) -> str:
    """Return the path of a file, which may be relative to the task root."""
    if path.startswith("/"):
        return path
    root = posix.environ.get(b"LAMBDA_TASK_ROOT", b"").decode(errors="surrogateescape") or posix.getcwd()
    return f"{root}/{path}"
