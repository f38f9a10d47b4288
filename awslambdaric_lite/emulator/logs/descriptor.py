"""The pipe behind `_LAMBDA_TELEMETRY_LOG_FD`: its far end is inherited by the runtime, its near end is read here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from .frames import Frame, FrameReader

_READ_SIZE = 64 * 1024


class TelemetryDescriptor:
    """An open pipe, a `LogSource`. Frames are given to `on_frame` as they come, from the event loop."""

    def __init__(self, on_frame: Callable[[Frame], None]) -> None:
        self._on_frame = on_frame
        self._frames = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop.add_reader(self._read_end, self.read)

    @property
    def variables(self) -> dict[str, str]:
        """What tells the runtime of it."""
        return {"_LAMBDA_TELEMETRY_LOG_FD": str(self.write_end)}

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the runtime is to have."""
        return (self.write_end,)

    def handed_over(self) -> None:
        """The runtime has the far end (or never will): ours would keep the pipe open for ever."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def read(self) -> None:
        """Read what has been written up to now."""
        while self._read_end >= 0:
            try:
                data = os.read(self._read_end, _READ_SIZE)
            except (BlockingIOError, InterruptedError):
                return
            if not data:
                self._end()
                return
            self._give(self._frames.feed(data))

    def close(self) -> None:
        """Read the rest and close both ends."""
        self.handed_over()
        self.read()
        self._end()

    def _end(self) -> None:
        if self._read_end >= 0:
            self._loop.remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1
            self._give(self._frames.end())

    def _give(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._on_frame(frame)
