"""The kernel's page cache, dropped so that a run reads every file from the disk, as a new environment does."""

from __future__ import annotations

import os
from pathlib import Path

_CONTROL = Path("/proc/sys/vm/drop_caches")
# Pages, directory entries and inodes: a new environment has none of the three, and a client that looks for more files
# than another also reads more directories. What running programs have mapped stays.
# Source: Documentation/admin-guide/sysctl/vm.rst of the kernel.
_EVERYTHING = b"3"


def drop_page_cache() -> None:
    """Write all files to their disks and drop the page cache of the whole machine.

    Raises:
        OSError: this process may not do that.
    """
    os.sync()  # pages that are not on a disk yet would stay
    with _CONTROL.open("wb", buffering=0) as file:
        file.write(_EVERYTHING)


def reason_to_keep() -> str | None:
    """Return why this process cannot drop the page cache; None if it can."""
    try:
        _CONTROL.open("wb").close()  # which drops nothing
    except PermissionError:
        return "needs root; run the command with sudo, outside of a container"
    except OSError as error:
        return f"{_CONTROL} cannot be written: {error.strerror}; run the command outside of the container"
    return None
