"""The pipe of `_LAMBDA_TELEMETRY_LOG_FD`: the runtime inherits its write end, this process reads from the other."""

from __future__ import annotations

import os
from collections.abc import Callable

from .frames import Frame, FrameReader
from .pipe_reader import PipeReader


class TelemetryDescriptor:
    """Open pipe, which is a `LogSource`; `on_frame` receives each frame, from the event loop."""

    def __init__(self, on_frame: Callable[[Frame], None]) -> None:
        self._on_frame = on_frame
        self._frames = FrameReader()
        read_end, self.write_end = os.pipe()
        self._reader = PipeReader(
            read_end, lambda data: self._give(self._frames.feed(data)), lambda: self._give(self._frames.end())
        )

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
        self._reader.read()

    async def drain(self) -> None:
        """Read the frames that are available now, in parts."""
        await self._reader.drain()

    def close(self) -> None:
        """Read the rest and close both ends."""
        self.handed_over()
        self.read()
        self._reader.close()

    def _give(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._on_frame(frame)
