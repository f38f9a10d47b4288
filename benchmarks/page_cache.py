"""The kernel's page cache, empty: the state in which a new execution environment reads a function's files."""

from __future__ import annotations

from awslambdaric_lite.bench.page_cache import drop_page_cache, reason_to_keep

from .build_cache import Unavailable
from .loadgen import RunFailed


def drop() -> None:
    """Write changed pages to the disk, so that they can be dropped, and drop everything.

    Raises:
        RunFailed: the kernel refuses.
    """
    try:
        drop_page_cache()
    except OSError as error:
        raise RunFailed(f"the page cache cannot be dropped: {error.strerror}; run as root") from error


def require_right() -> None:
    """Check that the cache can be dropped.

    Raises:
        Unavailable: it cannot; the message says why.
    """
    reason = reason_to_keep()
    if reason is not None:
        raise Unavailable(f"dropped page cache: {reason}")
