"""The frames that a runtime writes to its telemetry descriptor (`_LAMBDA_TELEMETRY_LOG_FD`). No I/O.

A frame is, in big-endian order: type (4 bytes), length of the message (4), microseconds since the epoch (8, only where
the type says so), the message in UTF-8. The type is `0xA55A0000` with the level in bits 2 and up, 2 for "has a time",
1 for text (0: JSON). Source: the runtime interface clients of AWS for Python and Java.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

LEVELS = ("", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
MAX_MESSAGE = 16 * 1024 * 1024  # bytes; a longer message counts as garbage, because it would hide the following frames
_MAGIC = b"\xa5\x5a\x00"
_HAS_TIME = 0b10
_IS_TEXT = 0b01


@dataclass(frozen=True)
class Frame:
    """One message of one or more lines."""

    message: str
    level: str = ""  # one of LEVELS
    is_json: bool = False
    timestamp_us: int | None = None


class FrameReader:
    """Reader that splits bytes into frames; other bytes become a frame with text, so that no output is lost."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Add bytes; return the complete frames."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def end(self) -> list[Frame]:
        """Return the remaining bytes; a truncated frame becomes text."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return [Frame(rest.decode("utf-8", "replace"))] if rest else []

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        kind = buffer[3]
        level = kind >> 2
        if buffer[:3] != _MAGIC or level >= len(LEVELS):
            return self._garbage()
        head = 16 if kind & _HAS_TIME else 8
        if len(buffer) < 8:
            return None
        size = int.from_bytes(buffer[4:8], "big")
        if size > MAX_MESSAGE:
            return self._garbage()
        if len(buffer) < head + size:
            return None
        timestamp: int | None = struct.unpack_from(">q", buffer, 8)[0] if head == 16 else None
        message = buffer[head : head + size].decode("utf-8", "replace")
        del buffer[: head + size]
        return Frame(message, LEVELS[level], not kind & _IS_TEXT, timestamp)

    def _garbage(self) -> Frame:
        """Return the bytes before the next possible frame."""
        end = self._buffer.find(_MAGIC, 1)
        if end < 0:
            end = len(self._buffer)
            # The last bytes may be the first ones of the magic number.
            end -= next((size for size in (2, 1) if self._buffer.endswith(_MAGIC[:size])), 0)
        text = self._buffer[:end].decode("utf-8", "replace")
        del self._buffer[:end]
        return Frame(text)
