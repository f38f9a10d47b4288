"""Reads from pipes and sockets that a function fills, in parts, so that no function can occupy the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable

READ_SIZE = 4096  # bytes of one read in a turn of the event loop
PIPE_SIZE = 64 * 1024  # bytes that a pipe holds; source: pipe(7)
_LINES = 64  # that are processed in one turn: a terminal may take a millisecond for each


class PipeReader:
    """Reader of a pipe from its creation to `close`; `on_data` receives the bytes, `on_end` nothing after the last."""

    def __init__(
        self, descriptor: int, on_data: Callable[[bytes], None], on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._descriptor = descriptor
        self._on_data = on_data
        self._on_end = on_end
        self._rest = b""  # was read and waits for its turn
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    @property
    def pending(self) -> int:
        """The number of bytes that can be read now."""
        return len(self._rest) + pending_size(self._descriptor) if self._descriptor >= 0 else 0

    def read(self) -> None:
        """Read what the pipe holds now, but no more than a pipe holds by default."""
        if size := min(self.pending, PIPE_SIZE):
            rest, self._rest = self._rest, b""
            self._on_data(rest + (os.read(self._descriptor, size - len(rest)) if size > len(rest) else b""))

    async def drain(self, limit: int = PIPE_SIZE) -> None:
        """Read what the pipe holds now, up to a limit, in parts between which other tasks run."""
        await drain(min(self.pending, limit), self._read_part)

    def close(self) -> int:
        """Close the pipe; return the number of bytes that were not read."""
        unread = self.pending
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor, self._rest = -1, b""
            self._on_end()
        return unread

    def _read(self) -> None:
        self._read_part()
        if self._rest:
            self._loop.call_soon(self._read_rest)

    def _read_rest(self) -> None:
        if self._rest:
            self._read()

    def _read_part(self) -> int:
        """Read and process some lines; return the number of their bytes."""
        if self._descriptor < 0:
            return 0
        if not self._rest:
            try:
                self._rest = os.read(self._descriptor, READ_SIZE)
            except BlockingIOError:
                return 0
            if not self._rest:
                self.close()
                return 0
        size = size_of_lines(self._rest)
        part, self._rest = self._rest[:size], self._rest[size:]
        self._on_data(part)
        return size


async def drain(size: int, read: Callable[[], int]) -> None:
    """Read a number of bytes in parts between which other tasks run; `read` returns the size of a part."""
    while size > 0 and (count := read()):
        size -= count
        await asyncio.sleep(0)


def pending_size(descriptor: int) -> int:
    """Return the number of bytes that a pipe or a socket holds."""
    with contextlib.suppress(OSError):  # of a connection that was reset
        return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"))[0])
    return 0


def size_of_lines(data: bytes) -> int:
    """Return the size of the lines that are processed in one turn."""
    parts = data.split(b"\n", _LINES)
    return len(data) if len(parts) <= _LINES else len(data) - len(parts[-1])
