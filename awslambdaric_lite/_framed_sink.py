"""The sink of managed runtimes: owns writing frames to the platform's telemetry descriptor. Imports C builtins."""

import posix
import time


class FramedTelemetryLogSink:
    """The telemetry descriptor, which receives whole messages in frames with type, length and time."""

    def __init__(
        self,
        fd: int,
        untyped: bytes = b"\xa5\x5a\x00\x03",
        error: bytes = b"\xa5\x5a\x00\x17",
        *,
        json_format: bool = False,
    ) -> None:
        """`untyped` and `error` are the frame types of text without a level and of error reports."""
        self.fd = int(fd)
        self.json_format = json_format
        self._untyped = untyped
        self._error = error

    def log(self, msg: str, frame_type: "bytes | None" = None) -> None:
        """Write one frame: type, length and microseconds since the epoch, big-endian, then the text."""
        text = msg.encode("utf-8", "backslashreplace")
        now = time.time_ns() // 1000
        frame = (frame_type or self._untyped) + len(text).to_bytes(4, "big") + now.to_bytes(8, "big") + text
        written = posix.write(self.fd, frame)
        while written < len(frame):
            frame = frame[written:]
            written = posix.write(self.fd, frame)

    def log_error(self, message_lines: "list[str]") -> None:
        """Write an error report as one frame."""
        self.log("\n".join(message_lines), self._error)
