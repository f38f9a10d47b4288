"""The kernel's page cache, empty: the state in which a new execution environment reads a function's files.

The kernel drops pages, directory entries and inodes (value 3): a new environment has none of the three, and a client
that looks for more files than another also reads more directories. What running programs have mapped stays.
Source: Documentation/admin-guide/sysctl/vm.rst of the kernel.
"""

from __future__ import annotations

import os
from pathlib import Path

from .build_cache import Unavailable
from .loadgen import RunFailed

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
PAGES_ENTRIES_AND_INODES = "3\n"


def drop() -> None:
    """Write changed pages to the disk, so that they can be dropped, and drop everything.

    Raises:
        RunFailed: the kernel refuses.
    """
    os.sync()
    try:
        DROP_CACHES.write_text(PAGES_ENTRIES_AND_INODES)
    except OSError as error:
        raise RunFailed(f"{DROP_CACHES} cannot be written: {error.strerror}") from error


def require_right() -> None:
    """Check that the cache can be dropped.

    Raises:
        Unavailable: it cannot; the message says why.
    """
    try:
        with DROP_CACHES.open("w"):  # without writing, nothing is dropped
            pass
    except OSError as error:
        raise Unavailable(f"the page cache cannot be dropped: {DROP_CACHES}: {error.strerror}; run as root") from error
