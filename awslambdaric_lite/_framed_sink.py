"""Log text to the platform's telemetry descriptor, which managed runtimes have. Imports C builtins and `_sinks`."""

import posix
import time

from ._sinks import JSON_FRAMES, TEXT_FRAMES

_UNTYPED = TEXT_FRAMES[0]


class FramedTelemetryLogSink:
    """The descriptor that managed runtimes hand over: whole messages in frames with type, length and time."""

    def __init__(self, fd: int, *, json_format: bool = False) -> None:
        self.fd = fd
        self.json_format = json_format

    def log(self, msg: str, frame_type: "bytes | None" = None) -> None:
        """Write one frame: type, length and microseconds since the epoch, big-endian, then the text."""
        text = msg.encode("utf-8", "backslashreplace")
        now = time.time_ns() // 1000
        frame = (frame_type or _UNTYPED) + len(text).to_bytes(4, "big") + now.to_bytes(8, "big") + text
        written = posix.write(self.fd, frame)
        while written < len(frame):
            frame = frame[written:]
            written = posix.write(self.fd, frame)

    def log_error(self, message_lines: "list[str]") -> None:
        """Write an error report as one frame."""
        self.log("\n".join(message_lines), (JSON_FRAMES if self.json_format else TEXT_FRAMES)[40])
