"""The log stream of an execution environment: lines of its processes and of the platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ...common.json_text import compact
from ...common.terminal_text import PlatformLine, ReportLine
from .events import PlatformEvent
from .frames import Frame
from .kept_log import KeptLog
from .levels import SYSTEM_RANKS, ApplicationLevel, LogFormat, SystemLevel, as_object, is_wanted
from .timestamps import iso_time, now

MAX_LINE = 256 * 1024  # bytes; Lambda cuts a longer line into several log events of CloudWatch's maximum size

LineSink = Callable[[str], None]
Source = Literal["function", "extension"]


@dataclass(frozen=True)
class TelemetryRecord:
    """One telemetry event: of the platform, or a line of a function or an extension."""

    time: datetime
    type: str
    record: dict[str, Any] | str

    @property
    def category(self) -> str:
        """The type for subscribers: `platform`, `function` or `extension`."""
        return self.type.partition(".")[0]

    def line(self, *, as_text: bool = False) -> str:
        """Return the event as one line of JSON; `as_text` turns JSON objects of the function into strings."""
        record = self.record
        if as_text and self.category != "platform" and not isinstance(record, str):
            record = compact(record)
        return compact({"time": iso_time(self.time), "type": self.type, "record": record})


Listener = Callable[[TelemetryRecord], None]


class LogStream:
    """Log stream that splits output into lines, keeps them until `take`, and shows each to a sink immediately.

    In JSON format the platform's events are lines of JSON; those below `system_level` and the function's JSON objects
    below `level` are omitted. Listeners receive all records, whatever the format, as on AWS.
    """

    def __init__(
        self,
        sink: LineSink | None = None,
        *,
        log_format: LogFormat = "Text",
        level: ApplicationLevel | None = None,
        system_level: SystemLevel | None = None,
    ) -> None:
        self._sink = sink
        self._json = log_format == "JSON"
        self._level: ApplicationLevel = level or "INFO"
        self._system_rank = SYSTEM_RANKS[system_level or "INFO"]
        self._kept = KeptLog()
        self._in_report = False  # of a runtime, until the next line of the platform
        self._listeners: list[Listener] = []
        self._function = self.function_output()

    def listen(self, listener: Listener) -> None:
        """Give every record to the listener from now on."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Remove a listener; it may have been removed before, e.g. by a failed init."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def feed(self, data: bytes) -> None:
        """Add output of the function's process."""
        self._function.feed(data)

    def function_output(self) -> Output:
        """Return the input for a worker of the function's process."""
        return Output(self, "function")

    def extension_output(self) -> Output:
        """Return the input for one extension's process."""
        return Output(self, "extension")

    def frame(self, frame: Frame) -> None:
        """Add a message from the telemetry descriptor.

        A message of several lines is one event: in the log its line ends become carriage returns, as in messages that
        runtimes write to standard output.
        """
        self._interrupt()
        message = frame.message.removesuffix("\n")
        if len(message) <= MAX_LINE // 4:  # bytes of a character in UTF-8
            return self._add_message("function", message)
        rest = memoryview(message.encode("utf-8", "replace"))
        while rest:
            size = _piece_size(rest)
            self.add_line("function", bytes(rest[:size]))
            rest = rest[size:]
        return None

    def emit(self, event: PlatformEvent) -> None:
        """Add an event of the platform; an unfinished line of the function ends before it."""
        self._interrupt()
        if not self._json:
            for line in event.lines():
                self._add(PlatformLine(line))
            if not self._listeners:
                return
        elif not self._listeners and SYSTEM_RANKS[event.level] < self._system_rank:
            return
        body = event.record()
        record = TelemetryRecord(now(), event.type, body)
        if self._json and SYSTEM_RANKS[event.level] >= self._system_rank:
            self._add(PlatformLine(record.line()), body.get("requestId"))
        self._tell(record)

    def note(self, line: str, *, chosen: bool = False) -> None:
        """Add a line of the platform that only a log in text format has; records have its content elsewhere.

        A process of the environment has `chosen` the whole text.
        """
        self._interrupt()
        if not self._json:
            self._add(line if chosen else PlatformLine(line))

    def advise(self, text: str) -> None:
        """Add a line of the local Lambda itself, in either format; listeners do not get it."""
        self._interrupt()
        advice = {"timestamp": iso_time(now()), "level": "WARN", "message": text}
        self._add(compact(advice) if self._json else text)

    def take(self) -> str:
        """Return and remove the lines since the last call, each with its newline."""
        self._function.finish()
        kept, self._kept = self._kept, KeptLog()
        return kept.text()

    def add_line(self, source: Source, line: bytes) -> None:
        """Add one line of output, without its line end."""
        self._add_message(source, line.decode("utf-8", "replace"))

    def _add_message(self, source: Source, message: str) -> None:
        value = as_object(message) if self._json else None
        if value is None or is_wanted(value, self._level):
            line = message.replace("\n", "\r")
            self._add(ReportLine(line) if self._in_report else line, None if value is None else value.get("requestId"))
            self._in_report |= line.startswith("[ERROR] ")
        if self._listeners:
            self._tell(TelemetryRecord(now(), source, message if value is None else value))

    def _tell(self, record: TelemetryRecord) -> None:
        for listener in self._listeners:
            listener(record)

    def _keep(self, line: str, request_id: object) -> None:
        """Keep a line for `take`; `request_id` is the one that the line names, or None."""
        self._kept.add(line)

    def _interrupt(self) -> None:
        """End an unfinished line before a line that is not of the function."""
        self._function.finish()

    def _add(self, line: str, request_id: object = None) -> None:
        self._keep(line, request_id)
        if isinstance(line, PlatformLine):
            self._in_report = False
        if self._sink is not None:
            try:
                self._sink(line)
            except Exception:  # a failure of the sink (e.g. a closed terminal) must not fail the function
                self._sink = None


class Output:
    """Output of one process, split into lines; a long line becomes several."""

    def __init__(self, stream: LogStream, source: Source) -> None:
        self._stream = stream
        self._source = source
        self._partial = bytearray()

    def feed(self, data: bytes) -> None:
        """Add output."""
        *lines, partial = data.split(b"\n")
        for line in lines:
            if self._partial or len(line) > MAX_LINE:
                self._extend(line)
                line = bytes(self._partial)
                self._partial.clear()
            self._stream.add_line(self._source, line)  # pyright: ignore[reportArgumentType]
        self._extend(partial)

    def finish(self) -> None:
        """End an unfinished line."""
        if self._partial:
            self.feed(b"\n")

    def _extend(self, part: bytes) -> None:
        """Extend the unfinished line; cut pieces off when it is too long."""
        self._partial += part
        while len(self._partial) > MAX_LINE:
            size = _piece_size(self._partial)
            self._stream.add_line(self._source, bytes(self._partial[:size]))  # pyright: ignore[reportArgumentType]
            del self._partial[:size]


def _piece_size(text: bytearray | memoryview) -> int:
    """Return the size of the first piece of UTF-8 text that is not longer than a line can be."""
    size = min(len(text), MAX_LINE)
    if size < len(text):
        for shorter in range(size, size - 4, -1):  # not between the bytes of a character
            if text[shorter] & 0xC0 != 0x80:
                return shorter
    return size
