"""The body of a streamed response, on its way from the runtime to a caller who reads it as it comes.

Owns the bounded buffer between the two: who reads slowly makes the runtime write slowly, and who goes away lets it
finish, as on AWS, where the function is not told.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MAX_STREAM = 200 * 1024 * 1024  # bytes of a streamed response; source: the developer guide, "Response streaming"
_HIGH_WATER = 256 * 1024  # bytes that may wait for the reader before the writer is held back


@dataclass(frozen=True)
class StreamHead:
    """What is known when the first byte of a response may be sent on."""

    content_type: str
    streaming: bool
    """Whether the runtime asked for streaming; else it sent an ordinary response, passed on as it is read."""


class ResponseStream:
    """One response, fed by the Runtime API and read by one caller, both in the same event loop.

    The outcome is not here but in `Invocation.answered`, which is set when the stream ends.
    """

    def __init__(self) -> None:
        self.head: asyncio.Future[StreamHead | None] = asyncio.get_running_loop().create_future()
        """The head, or None when the invocation ended without a response, which is to say with an error."""
        self.size = 0
        """Bytes taken from the runtime up to now."""
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._abandoned = False
        self._changed = asyncio.Event()
        self._on_room: Callable[[], None] | None = None

    # The Runtime API's side

    def begin(self, head: StreamHead, on_room: Callable[[], None]) -> None:
        """The runtime has begun its response; `on_room` is called when a reader that was behind has caught up."""
        self._on_room = on_room
        if not self.head.done():
            self.head.set_result(head)

    def feed(self, data: bytes) -> bool:
        """Take a part; False asks the writer to wait for `on_room`."""
        self.size += len(data)
        if self._abandoned or self._ended:
            return True
        self._parts.append(data)
        self._waiting += len(data)
        self._changed.set()
        return self._waiting < _HIGH_WATER

    def end(self) -> None:
        """Nothing more will come. May be called again."""
        if not self.head.done():
            self.head.set_result(None)
        self._ended = True
        self._changed.set()

    # The caller's side

    async def read(self) -> bytes:
        """The next part, of any size; empty at the end."""
        while not self._parts:
            if self._ended:
                return b""
            self._changed.clear()
            await self._changed.wait()
        part = self._parts.popleft()
        before, self._waiting = self._waiting, self._waiting - len(part)
        if before >= _HIGH_WATER > self._waiting:
            self._room()
        return part

    def abandon(self) -> None:
        """The caller has gone: what comes is counted and thrown away."""
        self._abandoned = True
        self._parts.clear()
        self._waiting = 0
        self._room()

    def _room(self) -> None:
        if self._on_room is not None:
            self._on_room()
