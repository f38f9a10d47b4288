"""The platform's events of an init or a restore, and the base of all platform events.

One event has three forms: as lines of text or as a line of JSON in the log, and as a record to telemetry
subscribers. Names and attributes: "Lambda Telemetry API Event schema reference" of the developer guide.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ... import __version__
from ...common.regions import make_arn
from .levels import SystemLevel

InitPhase = Literal["init", "invoke"]
Outcome = Literal["success", "failure", "error", "timeout"]

RUNTIME_VERSION = f"local:awslambdaric-lite.v{__version__}"
"""In the form `name:version.vN`, which log parsers accept; no managed runtime has this name."""


class PlatformEvent:
    """Event of the platform."""

    type: ClassVar[str]

    @property
    def level(self) -> SystemLevel:
        """The system log level from which a log in JSON format has the event ("System log level event mapping")."""
        return "INFO"

    def lines(self) -> list[str]:
        """Return the lines of a log in text format; most events have none."""
        return []

    def record(self) -> dict[str, Any]:
        """Return the `record` of the telemetry event."""
        raise NotImplementedError


def milliseconds(duration_ms: float) -> float:
    """Return a duration for a record, to the microsecond."""
    return round(duration_ms, 3)


def with_error(record: dict[str, Any], error_type: str | None) -> dict[str, Any]:
    """Return the record, with an `errorType` for an error."""
    return record if error_type is None else {**record, "errorType": error_type}


def _status_text(outcome: Outcome, error_type: str | None) -> str:
    return f"Status: {outcome}" if error_type is None else f"Status: {outcome}\tError Type: {error_type}"


@dataclass(frozen=True)
class Instance:
    """The execution environment in start events."""

    function_name: str
    function_version: str
    instance_id: str  # the name of its log stream
    memory_mb: int
    region: str

    @property
    def runtime_arn(self) -> str:
        """An invented ARN in the right form, derived from the version."""
        digest = hashlib.sha256(RUNTIME_VERSION.encode()).hexdigest()
        return make_arn("lambda", self.region, "", f"runtime:{digest}")

    def line(self, prefix: str) -> str:
        """Return the line with the version of the runtime."""
        return f"{prefix} Runtime Version: {RUNTIME_VERSION}\tRuntime Version ARN: {self.runtime_arn}"

    def record(self) -> dict[str, Any]:
        """Return the attributes for a start event."""
        return {
            "runtimeVersion": RUNTIME_VERSION,
            "runtimeVersionArn": self.runtime_arn,
            "functionName": self.function_name,
            "functionVersion": self.function_version,
            "instanceId": self.instance_id,
            "instanceMaxMemory": self.memory_mb,
        }


@dataclass(frozen=True)
class InitStart(PlatformEvent):
    """The start of an environment's processes."""

    type = "platform.initStart"
    initialization_type: str
    phase: InitPhase
    instance: Instance

    def lines(self) -> list[str]:
        """Return no line for an init that is repeated in an invoke phase."""
        return [self.instance.line("INIT_START")] if self.phase == "init" else []

    def record(self) -> dict[str, Any]:
        return {"initializationType": self.initialization_type, "phase": self.phase, **self.instance.record()}


@dataclass(frozen=True)
class InitRuntimeDone(PlatformEvent):
    """The end of an init: the runtime and every extension wait for an invocation, or one has failed."""

    type = "platform.initRuntimeDone"
    initialization_type: str
    phase: InitPhase
    status: Outcome
    error_type: str | None = None

    @property
    def level(self) -> SystemLevel:
        return "DEBUG" if self.status == "success" else "WARN"

    def record(self) -> dict[str, Any]:
        record = {"initializationType": self.initialization_type, "phase": self.phase, "status": self.status}
        return with_error(record, self.error_type)


@dataclass(frozen=True)
class InitReport(PlatformEvent):
    """The end of an init, successful or not."""

    type = "platform.initReport"
    initialization_type: str
    phase: InitPhase
    duration_ms: float
    status: Outcome
    error_type: str | None = None

    @property
    def level(self) -> SystemLevel:
        if self.status != "success":
            return "WARN"
        return "DEBUG" if self.initialization_type == "on-demand" else "INFO"

    def lines(self) -> list[str]:
        """Return no line for a successful init on demand, which is in the REPORT of its first invocation."""
        line = f"INIT_REPORT Init Duration: {self.duration_ms:.2f} ms"
        if self.status != "success":
            return [f"{line}\tPhase: {self.phase}\t{_status_text(self.status, self.error_type)}"]
        return [] if self.initialization_type == "on-demand" else [line]

    def record(self) -> dict[str, Any]:
        record = {
            "initializationType": self.initialization_type,
            "phase": self.phase,
            "metrics": {"durationMs": milliseconds(self.duration_ms)},
            "status": self.status,
        }
        return with_error(record, self.error_type)


@dataclass(frozen=True)
class RestoreStart(PlatformEvent):
    """The start of a restore."""

    type = "platform.restoreStart"
    instance: Instance

    def lines(self) -> list[str]:
        return [self.instance.line("RESTORE_START")]

    def record(self) -> dict[str, Any]:
        return self.instance.record()


@dataclass(frozen=True)
class RestoreRuntimeDone(PlatformEvent):
    """The end of the runtime's part of a restore."""

    type = "platform.restoreRuntimeDone"
    status: Outcome
    error_type: str | None = None

    @property
    def level(self) -> SystemLevel:
        return "DEBUG" if self.status == "success" else "WARN"

    def record(self) -> dict[str, Any]:
        return with_error({"status": self.status}, self.error_type)


@dataclass(frozen=True)
class RestoreReport(PlatformEvent):
    """The end of a restore, successful or not."""

    type = "platform.restoreReport"
    duration_ms: float
    status: Outcome
    error_type: str | None = None

    @property
    def level(self) -> SystemLevel:
        return "INFO" if self.status == "success" else "WARN"

    def lines(self) -> list[str]:
        line = f"RESTORE_REPORT Restore Duration: {self.duration_ms:.2f} ms"
        return [line if self.status == "success" else f"{line}\t{_status_text(self.status, self.error_type)}"]

    def record(self) -> dict[str, Any]:
        record = {"status": self.status, "metrics": {"durationMs": milliseconds(self.duration_ms)}}
        return with_error(record, self.error_type)
