"""The pipe of `_LAMBDA_TELEMETRY_LOG_FD`: the runtime inherits its write end, this process reads from the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from .frames import Frame, FrameReader
from .pending import READ_SIZE, drain, pending_size, read_pending


class TelemetryDescriptor:
    """Open pipe, which is a `LogSource`; `on_frame` receives each frame, from the event loop."""

    def __init__(self, on_frame: Callable[[Frame], None]) -> None:
        self._on_frame = on_frame
        self._frames = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop.add_reader(self._read_end, self._read_part)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that give the runtime the descriptor."""
        return {"_LAMBDA_TELEMETRY_LOG_FD": str(self.write_end)}

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the runtime inherits."""
        return (self.write_end,)

    def handed_over(self) -> None:
        """Close our copy of the write end, which would keep the pipe open."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def read(self) -> None:
        """Read the available frames."""
        if self._read_end >= 0:
            self._give(self._frames.feed(read_pending(self._read_end)))

    async def drain(self) -> None:
        """Read the frames that are available now, in parts."""
        await drain(lambda: pending_size(self._read_end) if self._read_end >= 0 else 0, self._read_part)

    def close(self) -> None:
        """Read the rest and close both ends."""
        self.handed_over()
        self.read()
        self._end()

    def _read_part(self) -> int:
        if self._read_end < 0:
            return 0
        try:
            data = os.read(self._read_end, READ_SIZE)
        except BlockingIOError:
            return 0
        if data:
            self._give(self._frames.feed(data))
        else:
            self._end()
        return len(data)

    def _end(self) -> None:
        if self._read_end >= 0:
            self._loop.remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1
            self._give(self._frames.end())

    def _give(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._on_frame(frame)
