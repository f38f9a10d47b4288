"""The platform's events: their lines of text and their records."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from awslambdaric_lite.emulator.logs.events import (
    InitReport,
    InitRuntimeDone,
    InitStart,
    Instance,
    PlatformEvent,
    RestoreReport,
    RestoreRuntimeDone,
    RestoreStart,
)
from awslambdaric_lite.emulator.logs.extension_events import ExtensionState, LogsDropped, TelemetrySubscribed
from awslambdaric_lite.emulator.logs.invocation_events import Ended, RuntimeDone, Span, Start
from awslambdaric_lite.emulator.logs.spans import InvocationClock
from awslambdaric_lite.emulator.logs.timestamps import iso_time
from awslambdaric_lite.emulator.results import Report

INSTANCE = Instance("greeter", "3", "2026/11/21/[3]abc", 512, "eu-west-1")
NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, timezone.utc)
TRACE = "Root=1-5f-ab;Parent=cd;Sampled=1"
TRACING = {"type": "X-Amzn-Trace-Id", "value": TRACE}
REPORT = Report("id", 61.0874, 512, 193, init_duration_ms=3986.5)


def test_init_start_line_has_local_version() -> None:
    """The INIT_START line has AWS's form with a version that marks the local emulator."""
    event = InitStart("on-demand", "init", INSTANCE)
    [line] = event.lines()
    parsed = re.fullmatch(
        r"INIT_START Runtime Version: (\S+:\S+\.v\S+)\tRuntime Version ARN: (arn:aws:lambda:\S+::runtime:[0-9a-f]{64})",
        line,
    )
    assert parsed is not None
    assert parsed[1].startswith("local:")
    assert event.record() == {
        "initializationType": "on-demand",
        "phase": "init",
        "runtimeVersion": parsed[1],
        "runtimeVersionArn": parsed[2],
        "functionName": "greeter",
        "functionVersion": "3",
        "instanceId": "2026/11/21/[3]abc",
        "instanceMaxMemory": 512,
    }
    assert InitStart("on-demand", "invoke", INSTANCE).lines() == []


@pytest.mark.parametrize(
    ("event", "lines", "level"),
    [
        (InitReport("on-demand", "init", 1236.04, "success"), [], "DEBUG"),
        (
            InitReport("provisioned-concurrency", "init", 1236.04, "success"),
            ["INIT_REPORT Init Duration: 1236.04 ms"],
            "INFO",
        ),
        (
            InitReport("on-demand", "init", 1236.04, "timeout"),
            ["INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout"],
            "WARN",
        ),
        (
            InitReport("on-demand", "invoke", 1236.04, "error", "Extension.Crash"),
            ["INIT_REPORT Init Duration: 1236.04 ms\tPhase: invoke\tStatus: error\tError Type: Extension.Crash"],
            "WARN",
        ),
        (RestoreReport(123.449, "success"), ["RESTORE_REPORT Restore Duration: 123.45 ms"], "INFO"),
        (
            RestoreReport(123.449, "error", "Runtime.AfterRestoreError"),
            ["RESTORE_REPORT Restore Duration: 123.45 ms\tStatus: error\tError Type: Runtime.AfterRestoreError"],
            "WARN",
        ),
        (InitRuntimeDone("on-demand", "init", "success"), [], "DEBUG"),
        (InitRuntimeDone("on-demand", "init", "timeout"), [], "WARN"),
        (RestoreRuntimeDone("success"), [], "DEBUG"),
        (RestoreRuntimeDone("error", "E"), [], "WARN"),
        (Start("id", "$LATEST", TRACE), ["START RequestId: id Version: $LATEST"], "INFO"),
        (RuntimeDone("id", "success", 1.0, 0), [], "DEBUG"),
        (RuntimeDone("id", "timeout", 1.0, 0), [], "WARN"),
        (
            Ended(REPORT),
            [
                "END RequestId: id",
                "REPORT RequestId: id\tDuration: 61.09 ms\tBilled Duration: 4048 ms\tMemory Size: 512 MB\t"
                "Max Memory Used: 193 MB\tInit Duration: 3986.50 ms\t",
            ],
            "INFO",
        ),
        (
            ExtensionState("agent", "Ready", ["INVOKE", "SHUTDOWN"]),
            ["EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"],
            "INFO",
        ),
        (
            TelemetrySubscribed("agent", "Subscribed", ["platform", "function"]),
            ["TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]"],
            "INFO",
        ),
        (LogsDropped("slow", 1, 2), [], "WARN"),
    ],
)
def test_event_has_lines_and_level(event: PlatformEvent, lines: list[str], level: str) -> None:
    """Each event has the text of CloudWatch and the level of the JSON log."""
    assert (event.lines(), event.level) == (lines, level)


def test_only_sampled_trace_has_line() -> None:
    """A report has an XRAY line only if the trace is sampled."""
    assert Ended(REPORT, (), TRACE).lines()[2:] == ["XRAY TraceId: 1-5f-ab\tSegmentId: cd\tSampled: true"]
    assert len(Ended(REPORT, (), TRACE.replace("=1", "=0")).lines()) == 2


def test_restore_start_has_version_and_instance() -> None:
    """The RESTORE_START line has the runtime's version, and its record the instance's id."""
    event = RestoreStart(INSTANCE)
    assert event.lines()[0].startswith("RESTORE_START Runtime Version: local:")
    assert event.record()["instanceId"] == INSTANCE.instance_id


@pytest.mark.parametrize(
    ("event", "record"),
    [
        (
            InitRuntimeDone("on-demand", "init", "success"),
            {"initializationType": "on-demand", "phase": "init", "status": "success"},
        ),
        (
            InitReport("on-demand", "invoke", 1.23456, "error", "Runtime.ExitError"),
            {
                "initializationType": "on-demand",
                "phase": "invoke",
                "metrics": {"durationMs": 1.235},
                "status": "error",
                "errorType": "Runtime.ExitError",
            },
        ),
        (RestoreRuntimeDone("success"), {"status": "success"}),
        (RestoreReport(2.0, "timeout"), {"status": "timeout", "metrics": {"durationMs": 2.0}}),
        (Start("id", "7"), {"requestId": "id", "version": "7"}),
        (
            Start("id", "7", TRACE, "blue"),
            {"requestId": "id", "tenantId": "blue", "version": "7", "tracing": TRACING},
        ),
        (
            RuntimeDone("id", "error", 5.0, 16, (Span("responseLatency", NOON, 2.0),), "Runtime.ExitError", TRACE),
            {
                "requestId": "id",
                "status": "error",
                "metrics": {"durationMs": 5.0, "producedBytes": 16},
                "tracing": TRACING,
                "spans": [{"name": "responseLatency", "start": "2026-11-21T12:00:00.123Z", "durationMs": 2.0}],
                "errorType": "Runtime.ExitError",
            },
        ),
        (
            Ended(REPORT),
            {
                "requestId": "id",
                "metrics": {
                    "durationMs": 61.087,
                    "billedDurationMs": 4048,
                    "memorySizeMB": 512,
                    "maxMemoryUsedMB": 193,
                    "initDurationMs": 3986.5,
                },
                "status": "success",
            },
        ),
        (
            Ended(
                Report("id", 1.0, 128, 12, restore_duration_ms=9.0, status="timeout", error_type="Sandbox.Timedout"),
                (Span("extensionOverhead", NOON, 3.0),),
            ),
            {
                "requestId": "id",
                "metrics": {
                    "durationMs": 1.0,
                    "billedDurationMs": 1,
                    "memorySizeMB": 128,
                    "maxMemoryUsedMB": 12,
                    "restoreDurationMs": 9.0,
                },
                "spans": [{"name": "extensionOverhead", "start": "2026-11-21T12:00:00.123Z", "durationMs": 3.0}],
                "status": "timeout",
            },
        ),
        (
            ExtensionState("agent", "InitError", ["INVOKE"], "Own.Error"),
            {"name": "agent", "state": "InitError", "events": ["INVOKE"], "errorType": "Own.Error"},
        ),
        (
            TelemetrySubscribed("agent", "Subscribed", ["platform"]),
            {"name": "agent", "state": "Subscribed", "types": ["platform"]},
        ),
        (LogsDropped("slow", 1, 2), {"reason": "slow", "droppedRecords": 1, "droppedBytes": 2}),
    ],
)
def test_record_follows_telemetry_schema(event: PlatformEvent, record: dict[str, Any]) -> None:
    """The names and values of each record follow the Telemetry API's schema."""
    assert event.record() == record


def test_spans_follow_without_gaps() -> None:
    """An invocation's spans follow each other without gaps, and unfinished spans are omitted."""
    clock = InvocationClock()
    assert clock.runtime_spans() == ()
    start = -clock.runtime_ms(0.0) / 1000  # the moment of delivery
    clock.reply_began, clock.reply_taken = start + 0.010, start + 0.015
    assert [span.name for span in clock.runtime_spans()] == ["responseLatency", "responseDuration"]
    clock.runtime_ready, clock.extensions_ready = start + 0.016, start + 0.020
    spans = [*clock.runtime_spans(), *clock.extension_spans()]
    assert [(span.name, round(span.duration_ms, 3)) for span in spans] == [
        ("responseLatency", 10.0),
        ("responseDuration", 5.0),
        ("runtimeOverhead", 1.0),
        ("extensionOverhead", 4.0),
    ]
    for before, after in pairwise(spans):
        gap = after.start - before.start - timedelta(milliseconds=before.duration_ms)
        assert abs(gap) < timedelta(microseconds=5)


def test_iso_time_has_milliseconds() -> None:
    """A time stamp always has milliseconds and a Z."""
    assert iso_time(NOON) == "2026-11-21T12:00:00.123Z"
    assert iso_time(NOON.replace(microsecond=0)) == "2026-11-21T12:00:00.000Z"
