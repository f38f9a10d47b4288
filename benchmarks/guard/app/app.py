"""The functions whose invocations are counted."""

import gc
import posix
import sys

_last = int(posix.environ.get(b"GUARD_LAST", b"1"))
_calls = 0


def hello(event: object, context: object) -> object:
    """Answer something small."""
    return {"message": "hello"}


def look(event: object, context: object) -> object:
    """Return a result as `hello`, but the first and the last time loaded modules and blocks that stay in use."""
    global _calls
    _calls += 1
    if _calls not in (1, _last):
        return hello(event, context)
    gc.collect()
    return {"modules": sorted(sys.modules), "blocks": sys.getallocatedblocks()}
