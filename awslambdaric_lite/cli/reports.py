"""The report of an invocation as JSON: the same names in every command's `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..emulator import Report


def report_fields(report: Report) -> dict[str, Any]:
    """Return the figures of the REPORT line."""
    return {
        "status": report.status,
        "durationMs": round(report.duration_ms, 2),
        "billedDurationMs": report.billed_duration_ms,
        "initDurationMs": None if report.init_duration_ms is None else round(report.init_duration_ms, 2),
        "memorySizeMB": report.memory_size_mb,
        "maxMemoryUsedMB": report.max_memory_used_mb,
    }
