"""The platform's events about extensions and subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .events import PlatformEvent, with_error
from .levels import SystemLevel


@dataclass(frozen=True)
class ExtensionState(PlatformEvent):
    """The state of an extension after the init."""

    type = "platform.extension"
    name: str
    state: str
    events: Sequence[str]
    error_type: str | None = None

    @property
    def level(self) -> SystemLevel:
        return "INFO" if self.error_type is None else "WARN"

    def lines(self) -> list[str]:
        line = f"EXTENSION\tName: {self.name}\tState: {self.state}\tEvents: [{', '.join(self.events)}]"
        return [line if self.error_type is None else f"{line}\tError Type: {self.error_type}"]

    def record(self) -> dict[str, Any]:
        record = {"name": self.name, "state": self.state, "events": list(self.events)}
        return with_error(record, self.error_type)


@dataclass(frozen=True)
class TelemetrySubscribed(PlatformEvent):
    """The subscription of an extension to telemetry."""

    type = "platform.telemetrySubscription"
    name: str
    state: str
    types: Sequence[str]

    def lines(self) -> list[str]:
        types = ", ".join(each.capitalize() for each in self.types)
        return [f"TELEMETRY\tName: {self.name}\tState: {self.state}\tTypes: [{types}]"]

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "types": list(self.types)}


@dataclass(frozen=True)
class LogsDropped(PlatformEvent):
    """Records that a subscriber has lost."""

    type = "platform.logsDropped"
    reason: str
    dropped_records: int
    dropped_bytes: int

    @property
    def level(self) -> SystemLevel:
        return "WARN"

    def record(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "droppedRecords": self.dropped_records,
            "droppedBytes": self.dropped_bytes,
        }
