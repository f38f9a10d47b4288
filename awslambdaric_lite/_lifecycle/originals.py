"""Modules of the standard library as they were before user code ran, which may replace their functions.

For modules of the package that are loaded after user code, or that outlive its changes.
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
