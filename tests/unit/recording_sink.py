"""A double of the runtime's log sink."""

from __future__ import annotations


class RecordingSink:
    """A sink that records texts with their frame types, and error reports."""

    def __init__(self, *, json_format: bool = False) -> None:
        self.json_format = json_format
        self.texts: list[tuple[str, bytes | None]] = []
        self.reports: list[list[str]] = []

    def log(self, msg: str, frame_type: bytes | None = None) -> None:
        self.texts.append((msg, frame_type))

    def log_error(self, message_lines: list[str]) -> None:
        self.reports.append(message_lines)
