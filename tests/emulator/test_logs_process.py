"""Logs of real processes: formats, levels, the telemetry descriptor, and the lines of failures."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import InvalidFunction
from awslambdaric_lite.emulator.config.function import default_runtime

from .extension_harness import local_lambda
from .runtimes import AWSLAMBDARIC, SUPPORT, needs_awslambdaric

WriteHandler = Callable[[str], Path]

LOGGING = """
import logging, os
logger = logging.getLogger()
logger.setLevel(logging.INFO)
def handler(event, context):
    print("printed", flush=True)
    logger.info("one\\ntwo")
    if event: raise ValueError("no luck")
    return [os.environ.get(f"AWS_LAMBDA_LOG_{name}") for name in ("FORMAT", "LEVEL")]
"""
RUNTIMES = [
    pytest.param(default_runtime(), id="ours"),
    pytest.param(AWSLAMBDARIC, id="awslambdaric", marks=needs_awslambdaric),
]


def platform_events(logs: str) -> list[tuple[str, dict[str, Any]]]:
    """Return type and record of each JSON line of the platform."""
    parsed = [json.loads(line) for line in logs.splitlines() if line.startswith('{"time"')]
    return [(event["type"], event["record"]) for event in parsed]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_json_format_applies_to_all_records(write_handler: WriteHandler, runtime: list[str]) -> None:
    """With `log_format="JSON"` the records of runtime and platform are JSON, in order."""
    with local_lambda(write_handler(LOGGING), runtime, log_format="JSON") as function:
        result = function.invoke(0)
        assert result.json() == ["JSON", "INFO"]
        lines = result.logs.splitlines()
        assert lines[2] == "printed"
        record = json.loads(lines[3])
        assert (record["level"], record["message"]) == ("INFO", "one\ntwo")
        (init_start, _), (start, started), (report, reported) = platform_events(result.logs)
        assert (init_start, start, report) == ("platform.initStart", "platform.start", "platform.report")
        assert started["requestId"] == reported["requestId"] == result.request_id
        assert reported["status"] == "success"
        assert reported["metrics"]["initDurationMs"] == round(result.report.init_duration_ms or 0, 3)
        assert reported["metrics"]["billedDurationMs"] == result.report.billed_duration_ms


def test_log_levels_filter_records(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The configured levels are in the environment and filter the records."""
    source = (
        "import os\n"
        'def handler(event, context):\n    print(\'{"level":"INFO"}\')\n    print(\'{"level":"ERROR"}\')\n'
        '    return os.environ["AWS_LAMBDA_LOG_LEVEL"]'
    )
    with local_lambda(
        write_handler(source), socket_runtime, log_format="JSON", log_level="WARN", system_log_level="DEBUG"
    ) as function:
        result = function.invoke()
        assert result.json() == "WARN"
        assert '{"level":"ERROR"}\n' in result.logs and '{"level":"INFO"}' not in result.logs
        assert [kind for kind, _ in platform_events(result.logs)] == [
            "platform.initStart",
            "platform.initRuntimeDone",
            "platform.initReport",
            "platform.start",
            "platform.runtimeDone",
            "platform.report",
        ]


def test_runtime_done_has_spans_and_bytes(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`platform.runtimeDone` has the spans in order, within the duration, and the size of the response."""
    source = "import time\ndef handler(event, context):\n    time.sleep(0.02)\n    return 'x' * 98"
    with local_lambda(write_handler(source), socket_runtime, log_format="JSON", system_log_level="DEBUG") as function:
        result = function.invoke(trace_id="Root=1-2-3;Parent=4;Sampled=0")
        [done] = [record for kind, record in platform_events(result.logs) if kind == "platform.runtimeDone"]
    assert done["requestId"] == result.request_id
    assert done["metrics"]["producedBytes"] == 100
    assert done["tracing"]["value"] == "Root=1-2-3;Parent=4;Sampled=0"
    names = [span["name"] for span in done["spans"]]
    assert names == ["responseLatency", "responseDuration", "runtimeOverhead"]
    durations = [span["durationMs"] for span in done["spans"]]
    assert durations[0] >= 20
    assert sum(durations) == pytest.approx(done["metrics"]["durationMs"], abs=0.01)


@pytest.mark.parametrize(
    ("statement", "timeout_s", "status", "error_type"),
    [("os._exit(3)", 60.0, "error", "Runtime.ExitError"), ("time.sleep(60)", 0.3, "timeout", None)],
)
def test_failure_has_json_records_only(
    write_handler: WriteHandler,
    socket_runtime: list[str],
    statement: str,
    timeout_s: float,
    status: str,
    error_type: str | None,
) -> None:
    """In JSON format a failure is logged in records and not as text."""
    source = f"import os, time\ndef handler(event, context):\n    {statement}"
    with local_lambda(write_handler(source), socket_runtime, log_format="JSON", timeout_s=timeout_s) as function:
        result = function.invoke()
        assert all(line.startswith("{") for line in result.logs.splitlines())
        events = dict(platform_events(result.logs))
        assert events["platform.runtimeDone"]["status"] == events["platform.report"]["status"] == status
        assert events["platform.runtimeDone"].get("errorType") == error_type


def test_failed_init_has_record_per_phase(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """In JSON format a failed init has an init report for each phase."""
    with local_lambda(write_handler("raise ValueError"), socket_runtime, log_format="JSON") as function:
        events = platform_events(function.invoke().logs)
    reports = [record for kind, record in events if kind == "platform.initReport"]
    assert [(report["phase"], report["status"]) for report in reports] == [("init", "error"), ("invoke", "error")]


def test_restore_has_start_and_report_lines(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A restore has start and report lines, and the invocation's report has the restore duration."""
    root = write_handler("def handler(event, context):\n    return 1")
    script = root / "snapshot.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(SUPPORT)!r}); import socket_runtime as r, os, socket\n"
        "host, _, port = os.environ['AWS_LAMBDA_RUNTIME_API'].rpartition(':')\n"
        "with socket.create_connection((host, int(port))) as api, api.makefile('rb') as replies:\n"
        "    api.sendall(r.request('GET', 'restore/next')); assert r.read(replies)[0] == 200\n"
        "r.main()\n"
    )
    with local_lambda(root, [sys.executable, "-S", str(script)], snap_start=True) as function:
        result = function.invoke()
    assert result.json() == 1
    lines = [line.split()[0] for line in result.logs.splitlines()]
    assert lines == ["INIT_START", "INIT_REPORT", "RESTORE_START", "RESTORE_REPORT", "START", "END", "REPORT"]
    assert f"RESTORE_REPORT Restore Duration: {result.report.restore_duration_ms:.2f} ms\n" in result.logs


def test_provisioned_init_has_separate_report(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The init of a provisioned environment has a separate report and is not in that of the first invocation."""
    root = write_handler("def handler(event, context):\n    return 1")
    with local_lambda(root, socket_runtime, provisioned=1) as function:
        result = function.invoke()
    assert re.search(r"^INIT_REPORT Init Duration: \d+\.\d\d ms$", result.logs, re.MULTILINE)
    assert result.report.init_duration_ms is None


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_telemetry_descriptor_keeps_multiline_records(write_handler: WriteHandler, runtime: list[str]) -> None:
    """Multi-line records arrive through the telemetry descriptor as one event; printed output stays unchanged."""
    with local_lambda(write_handler(LOGGING), runtime, telemetry_log_fd=True, env={"TZ": ":UTC"}) as function:
        for expected in (None, "Unhandled"):
            result = function.invoke(int(expected is not None))
            assert result.error == expected
            lines = result.logs.splitlines(keepends=True)
            text = [line for line in result.logs.split("\n") if line.startswith("[INFO]")]
            assert [line.split("\t")[-1] for line in text] == ["one\rtwo"]
            assert any(line.strip() == "printed" for line in lines)
            reports = [line for line in result.logs.split("\n") if line.startswith("[ERROR] ValueError: no luck\r")]
            assert len(reports) == (expected is not None)


def open_pipes() -> set[str]:
    """Return the pipes that this process has open; sockets vary with other threads."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's descriptor, or one closed since
            found.add(os.readlink(descriptor))
    return {name for name in found if name.startswith("pipe:")}


def test_truncated_frame_of_crash_is_logged(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Garbage and a truncated frame of a crashed runtime are logged, and its descriptor is closed and replaced."""
    source = """
import os
descriptor = int(os.environ["_LAMBDA_TELEMETRY_LOG_FD"])
def handler(event, context):
    os.write(descriptor, b"garbage" + bytes.fromhex("a55a000f000000ff0006"))
    if event: os._exit(1)
"""
    open_before = open_pipes()
    with local_lambda(write_handler(source), socket_runtime, telemetry_log_fd=True) as function:
        for _ in range(3):
            result = function.invoke(1)
            assert "\ngarbage\n\N{REPLACEMENT CHARACTER}Z\0\x0f" in result.logs
        assert function.invoke(0).error is None
    assert open_pipes() <= open_before


def test_text_function_sees_no_log_settings(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """By default a function sees neither a telemetry descriptor nor log format and level."""
    source = "import os\ndef handler(event, context):\n    return [name for name in os.environ if 'LOG_' in name]"
    with local_lambda(write_handler(source), socket_runtime) as function:
        assert sorted(function.invoke().json()) == ["AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"log_format": "XML"}, "log format XML is unknown; it is one of Text, JSON"),
        ({"log_level": "INFO"}, "log level INFO needs the log format JSON"),
        ({"system_log_level": "WARN"}, "system log level WARN needs the log format JSON"),
        ({"log_format": "JSON", "log_level": "LOUD"}, "log level LOUD is unknown; it is one of TRACE, DEBUG"),
        ({"log_format": "JSON", "system_log_level": "ERROR"}, "system log level ERROR is unknown"),
        ({"extensions": [__file__, __file__]}, "two extensions have the same file name"),
        ({"extensions": ["missing"]}, "missing is not a file; give the path of an executable program"),
    ],
)
def test_invalid_setting_is_rejected_with_cure(tmp_path: Path, settings: dict[str, Any], problem: str) -> None:
    """A log or extension setting that Lambda rejects is rejected with a cure."""
    with pytest.raises(InvalidFunction) as caught:
        local_lambda(tmp_path, ["true"], **settings)
    assert problem in str(caught.value)
