"""The platform's events of one invocation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..results import Report, Status
from .events import PlatformEvent, milliseconds, with_error
from .levels import SystemLevel
from .timestamps import iso_time


@dataclass(frozen=True)
class Span:
    """The duration of a part of an invocation."""

    name: str
    start: datetime
    duration_ms: float

    def record(self) -> dict[str, Any]:
        """Return the span for a record."""
        return {"name": self.name, "start": iso_time(self.start), "durationMs": milliseconds(self.duration_ms)}


def tracing(trace_id: str) -> dict[str, Any]:
    """Return the attribute `tracing` of an invocation with a trace."""
    return {"tracing": {"type": "X-Amzn-Trace-Id", "value": trace_id}} if trace_id else {}


@dataclass(frozen=True)
class Start(PlatformEvent):
    """The start of an invocation."""

    type = "platform.start"
    request_id: str
    version: str
    trace_id: str = ""
    tenant_id: str = ""

    def lines(self) -> list[str]:
        return [f"START RequestId: {self.request_id} Version: {self.version}"]

    def record(self) -> dict[str, Any]:
        tenant = {"tenantId": self.tenant_id} if self.tenant_id else {}
        return {"requestId": self.request_id, **tenant, "version": self.version, **tracing(self.trace_id)}


@dataclass(frozen=True)
class RuntimeDone(PlatformEvent):
    """The end of the runtime's part of an invocation: it polls or has failed; extensions may still be busy."""

    type = "platform.runtimeDone"
    request_id: str
    status: Status
    duration_ms: float
    produced_bytes: int
    spans: tuple[Span, ...] = ()
    error_type: str | None = None
    trace_id: str = ""

    @property
    def level(self) -> SystemLevel:
        return "DEBUG" if self.status == "success" else "WARN"

    def record(self) -> dict[str, Any]:
        record = {
            "requestId": self.request_id,
            "status": self.status,
            "metrics": {"durationMs": milliseconds(self.duration_ms), "producedBytes": self.produced_bytes},
            **tracing(self.trace_id),
            "spans": [span.record() for span in self.spans],
        }
        return with_error(record, self.error_type)


@dataclass(frozen=True)
class Ended(PlatformEvent):
    """The end of an invocation."""

    type = "platform.report"
    report: Report
    spans: tuple[Span, ...] = ()
    trace_id: str = ""

    @property
    def level(self) -> SystemLevel:
        return "INFO" if self.report.status == "success" else "WARN"

    def lines(self) -> list[str]:
        lines = [f"END RequestId: {self.report.request_id}", self.report.line()]
        trace = dict(part.split("=", 1) for part in self.trace_id.split(";") if "=" in part)
        if trace.get("Sampled") == "1":
            lines.append(f"XRAY TraceId: {trace.get('Root', '')}\tSegmentId: {trace.get('Parent', '')}\tSampled: true")
        return lines

    def record(self) -> dict[str, Any]:
        report = self.report
        metrics: dict[str, float] = {
            "durationMs": milliseconds(report.duration_ms),
            "billedDurationMs": report.billed_duration_ms,
            "memorySizeMB": report.memory_size_mb,
            "maxMemoryUsedMB": report.max_memory_used_mb,
        }
        if report.init_duration_ms is not None:
            metrics["initDurationMs"] = milliseconds(report.init_duration_ms)
        if report.restore_duration_ms is not None:
            metrics["restoreDurationMs"] = milliseconds(report.restore_duration_ms)
        record: dict[str, Any] = {"requestId": report.request_id, "metrics": metrics, **tracing(self.trace_id)}
        if self.spans:
            record["spans"] = [span.record() for span in self.spans]
        error_type = None if report.status == "timeout" else report.error_type  # the status is enough
        return with_error({**record, "status": report.status}, error_type)


@dataclass(frozen=True)
class ManagedEnded(Ended):
    """The end of an invocation of Managed Instances, where invocations have no memory or billing figures."""

    def lines(self) -> list[str]:
        """Return no lines: logs of Managed Instances are JSON."""
        return []

    def record(self) -> dict[str, Any]:
        record = super().record()
        return {**record, "metrics": {"durationMs": record["metrics"]["durationMs"]}}
