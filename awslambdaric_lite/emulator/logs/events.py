"""The platform's own events: what happened to an environment, as figures.

One event is shown in three ways: as lines of text or of JSON in the log, and as a record to telemetry subscribers.
Source of the names: "Lambda Telemetry API Event schema reference" of the developer guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..results import Report

InitPhase = Literal["init", "invoke"]
InitStatus = Literal["success", "error", "timeout"]


class PlatformEvent:
    """What the platform has to say."""

    type: ClassVar[str]

    def lines(self) -> list[str]:
        """The lines of a log in text format."""
        return []

    def record(self) -> dict[str, Any]:
        """The `record` of the telemetry event."""
        raise NotImplementedError


@dataclass(frozen=True)
class InitStart(PlatformEvent):
    """A runtime process is being started."""

    type = "platform.initStart"
    initialization_type: str
    phase: InitPhase
    function_name: str
    function_version: str

    def record(self) -> dict[str, Any]:
        return {
            "initializationType": self.initialization_type,
            "phase": self.phase,
            "functionName": self.function_name,
            "functionVersion": self.function_version,
        }


@dataclass(frozen=True)
class InitReport(PlatformEvent):
    """An init is over, well or not."""

    type = "platform.initReport"
    initialization_type: str
    phase: InitPhase
    duration_ms: float
    status: InitStatus
    error_type: str | None = None

    def lines(self) -> list[str]:
        """Only an init that went wrong has a line; a good one is in the REPORT of its first invocation."""
        if self.status == "success":
            return []
        status = self.status if self.error_type is None else f"{self.status}\tError Type: {self.error_type}"
        return [f"INIT_REPORT Init Duration: {self.duration_ms:.2f} ms\tPhase: {self.phase}\tStatus: {status}"]

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "initializationType": self.initialization_type,
            "phase": self.phase,
            "metrics": {"durationMs": round(self.duration_ms, 3)},
            "status": self.status,
        }
        return record if self.error_type is None else {**record, "errorType": self.error_type}


@dataclass(frozen=True)
class Start(PlatformEvent):
    """An invocation begins."""

    type = "platform.start"
    request_id: str
    version: str

    def lines(self) -> list[str]:
        return [f"START RequestId: {self.request_id} Version: {self.version}"]

    def record(self) -> dict[str, Any]:
        return {"requestId": self.request_id, "version": self.version}


@dataclass(frozen=True)
class Ended(PlatformEvent):
    """An invocation is complete."""

    type = "platform.report"
    report: Report

    def lines(self) -> list[str]:
        return [f"END RequestId: {self.report.request_id}", self.report.line()]

    def record(self) -> dict[str, Any]:
        return {"requestId": self.report.request_id, "status": self.report.status}
