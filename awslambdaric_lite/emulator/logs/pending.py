"""Bounded reads from pipes and sockets that a function fills, so that no function can occupy the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable

READ_SIZE = 4096  # bytes of one read in a turn of the event loop: up to 4096 empty lines
PIPE_SIZE = 64 * 1024  # bytes that a pipe holds; source: pipe(7)


def pending_size(descriptor: int) -> int:
    """Return the number of bytes that can be read now."""
    with contextlib.suppress(OSError):  # of a connection that was reset
        return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"))[0])
    return 0


def read_pending(descriptor: int) -> bytes:
    """Return what a pipe holds now, and nothing that its writers add meanwhile; no bytes for an empty pipe."""
    size = min(pending_size(descriptor), PIPE_SIZE)
    return os.read(descriptor, size) if size else b""


async def drain(pending: Callable[[], int], read: Callable[[], int]) -> None:
    """Read as many bytes as are pending now, in parts between which other tasks run; `read` returns their number."""
    left = pending()
    while left > 0 and (count := read()):
        left -= count
        await asyncio.sleep(0)
