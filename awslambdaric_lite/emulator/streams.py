"""The body of a streamed response, between the runtime and a caller that reads it while it is received.

The buffer is bounded: a slow caller slows the runtime down. After a caller disconnects, the runtime continues to the
end of the response, as on AWS, where the function is not notified.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

_HIGH_WATER = 256 * 1024  # bytes that may wait for the reader before the writer is paused


@dataclass(frozen=True)
class StreamHead:
    """The properties of a response that are known before its first byte."""

    content_type: str
    streaming: bool
    """Whether the runtime set the streaming mode; an ordinary response is forwarded in the same way."""


class ResponseStream:
    """One response, written by the Runtime API and read by one caller, both in the same event loop.

    `Invocation.answered` has the outcome; it is set when the stream ends.
    """

    def __init__(self) -> None:
        self.head: asyncio.Future[StreamHead | None] = asyncio.get_running_loop().create_future()
        """The head, or None for an invocation that ended with an error instead of a response."""
        self.size = 0
        """The number of bytes received from the runtime."""
        self._parts: list[bytes] = []
        self._waiting = 0
        self._ended = False
        self._abandoned = False
        self._changed = asyncio.Event()
        self._on_room: Callable[[], None] | None = None

    # Called by the Runtime API

    def begin(self, head: StreamHead, on_room: Callable[[], None]) -> None:
        """Begin a response; `on_room` is called when the reader can receive more after `feed` returned False."""
        self._on_room = on_room
        if not self.head.done():
            self.head.set_result(head)

    def feed(self, data: bytes) -> bool:
        """Add a part; return False if the writer should wait for `on_room`."""
        self.size += len(data)
        if self._abandoned or self._ended:
            return True
        self._parts.append(data)
        self._waiting += len(data)
        self._changed.set()
        return self._waiting < _HIGH_WATER

    def end(self) -> None:
        """End the stream; it may be ended again."""
        if not self.head.done():
            self.head.set_result(None)
        self._ended = True
        self._changed.set()

    # Called by the caller

    async def read(self) -> bytes:
        """Return the parts that wait, as one; no bytes after the last one."""
        while not self._parts:
            if self._ended:
                return b""
            self._changed.clear()
            await self._changed.wait()
        part = b"".join(self._parts)  # thousands of small parts take one turn of the event loop
        self._parts.clear()
        was_full, self._waiting = self._waiting >= _HIGH_WATER, 0
        if was_full:
            self._room()
        return part

    def abandon(self) -> None:
        """Discard the remaining parts, because the caller disconnected; they are still counted."""
        self._abandoned = True
        self._parts.clear()
        self._waiting = 0
        self._room()

    def _room(self) -> None:
        if self._on_room is not None:
            self._on_room()
