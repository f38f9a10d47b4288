"""Modules of the standard library as they were before user code ran, which may replace their functions.

For modules of the package that are loaded after user code, or that outlive its changes.
"""

import sys

from .._settings import originals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _signal as _signal  # pyright: ignore[reportMissingImports]
    import _thread as _thread
    import posix as posix
    import time as time
else:
    _namespace = type(sys.implementation)  # types.SimpleNamespace
    _signal, _thread = _namespace(**originals["_signal"]), _namespace(**originals["_thread"])
    posix, time = _namespace(**originals["posix"]), _namespace(**originals["time"])
