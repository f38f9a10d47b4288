"""Logs of real processes: formats, levels, the telemetry descriptor, and the lines of failures."""

from __future__ import annotations

import contextlib
import importlib.util
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

from .extension_harness import SUPPORT, local_lambda

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
    pytest.param(
        [sys.executable, "-m", "awslambdaric", "{handler}"],
        id="awslambdaric",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("awslambdaric") is None, reason="awslambdaric is not installed"
        ),
    ),
]


def platform_events(logs: str) -> list[tuple[str, dict[str, Any]]]:
    """The JSON lines of the platform: type and record of each."""
    parsed = [json.loads(line) for line in logs.splitlines() if line.startswith('{"time"')]
    return [(event["type"], event["record"]) for event in parsed]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_json_format(write_handler: WriteHandler, runtime: list[str]) -> None:
    """The runtime is told, its records are JSON, and so are the platform's events, in their order."""
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


def test_levels(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Those that are configured, in the environment and in effect."""
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


def test_what_the_runtime_did_is_in_its_record(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Spans in order, each within the duration; the bytes of the response."""
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
def test_failures_in_json_format(
    write_handler: WriteHandler,
    socket_runtime: list[str],
    statement: str,
    timeout_s: float,
    status: str,
    error_type: str | None,
) -> None:
    """They are in the records, and not in lines of text."""
    source = f"import os, time\ndef handler(event, context):\n    {statement}"
    with local_lambda(write_handler(source), socket_runtime, log_format="JSON", timeout_s=timeout_s) as function:
        result = function.invoke()
        assert all(line.startswith("{") for line in result.logs.splitlines())
        events = dict(platform_events(result.logs))
        assert events["platform.runtimeDone"]["status"] == events["platform.report"]["status"] == status
        assert events["platform.runtimeDone"].get("errorType") == error_type


def test_an_init_that_fails_in_json_format(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Its records tell of it, for each time it was tried."""
    with local_lambda(write_handler("raise ValueError"), socket_runtime, log_format="JSON") as function:
        events = platform_events(function.invoke().logs)
    reports = [record for kind, record in events if kind == "platform.initReport"]
    assert [(report["phase"], report["status"]) for report in reports] == [("init", "error"), ("invoke", "error")]


def test_a_restore(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A snapshot's start and report have lines, and the invocation's report the restore's duration."""
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


def test_an_environment_that_was_started_ahead(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Its init has a report of its own, and is not in that of the first invocation."""
    root = write_handler("def handler(event, context):\n    return 1")
    with local_lambda(root, socket_runtime, provisioned=1) as function:
        result = function.invoke()
    assert re.search(r"^INIT_REPORT Init Duration: \d+\.\d\d ms$", result.logs, re.MULTILINE)
    assert result.report.init_duration_ms is None


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_telemetry_descriptor(write_handler: WriteHandler, runtime: list[str]) -> None:
    """Records of several lines and error reports come through it whole; what is printed stays where it is."""
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
    """The pipes that this process has an end of; sockets come and go with the threads of others."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself, or closed meanwhile
            found.add(os.readlink(descriptor))
    return {name for name in found if name.startswith("pipe:")}


def test_what_a_dying_runtime_wrote_to_the_descriptor(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Garbage and half a frame are in the log, the next process has a descriptor of its own, and none is left open."""
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


def test_no_descriptor_unless_asked_for(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Nor formats and levels, which text functions do not see."""
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
def test_bad_settings(tmp_path: Path, settings: dict[str, Any], problem: str) -> None:
    """What Lambda would not take is refused with a cure."""
    with pytest.raises(InvalidFunction) as caught:
        local_lambda(tmp_path, ["true"], **settings)
    assert problem in str(caught.value)
