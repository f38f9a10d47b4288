"""Reads the platform's report of an invocation from the end of its log.

Sources: "Understanding the report log line" and "platform.report" (Telemetry API schema reference) of the Lambda
developer guide. `Invoke` with `LogType=Tail` returns the last 4 KB of the log, base64-encoded; the report is the last
line of an invocation.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

# One field of the line: a name, a figure, its unit. Tabs separate fields, whose order is not documented.
_FIELD = re.compile(r"(?P<name>[A-Z][A-Za-z ]*): (?P<figure>[0-9.]+) (?:ms|MB)\Z")


class NoReport(Exception):
    """A log without the report of its invocation; the message shows its end."""


@dataclass(frozen=True)
class Report:
    """The figures of one invocation, in seconds and bytes; `init` is None unless it was a cold start."""

    duration: float
    billed: float
    max_memory: float
    init: float | None = None
    status: str = "success"


def parse_tail(encoded: str) -> Report:
    """Read the last report of a log's tail, in text or in JSON format.

    Raises:
        NoReport: the log has no report, or the report lacks a figure.
    """
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error) as error:
        raise NoReport(f"the log result is not base64: {encoded[:80]!r}") from error
    for line in reversed(text.splitlines()):
        if line.startswith("REPORT RequestId: "):
            return _from_text(line)
        if line.startswith("{") and (record := _platform_report(line)) is not None:
            return _from_record(record)
    raise NoReport(f"no REPORT in the log, which ends with {text[-300:]!r}")


def _from_text(line: str) -> Report:
    fields = [field.strip() for field in line.split("\t")]
    found = {match["name"]: float(match["figure"]) for match in map(_FIELD.fullmatch, fields) if match}
    status = next((field.removeprefix("Status: ") for field in fields if field.startswith("Status: ")), "success")
    metrics = {
        "durationMs": found.get("Duration"),
        "billedDurationMs": found.get("Billed Duration"),
        "maxMemoryUsedMB": found.get("Max Memory Used"),
        "initDurationMs": found.get("Init Duration"),
    }
    return _report(metrics, status, line)


def _platform_report(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None  # a line of the function, or a first line that the tail's limit has cut
    if not isinstance(event, dict) or event.get("type") != "platform.report":
        return None
    record = event.get("record")
    return record if isinstance(record, dict) else None


def _from_record(record: dict[str, Any]) -> Report:
    metrics = record.get("metrics")
    return _report(metrics if isinstance(metrics, dict) else {}, str(record.get("status", "success")), str(record))


def _report(metrics: dict[str, Any], status: str, shown: str) -> Report:
    try:
        init = metrics.get("initDurationMs")
        return Report(
            duration=float(metrics["durationMs"]) / 1e3,
            billed=float(metrics["billedDurationMs"]) / 1e3,
            max_memory=float(metrics["maxMemoryUsedMB"]) * 2**20,
            init=None if init is None else float(init) / 1e3,
            status=status,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoReport(f"a report without its figures: {shown[:300]!r}") from error
