"""The log stream: lines of several processes, formats, levels, and records for listeners."""

from __future__ import annotations

import json

import pytest

from awslambdaric_lite.emulator.logs.events import InitRuntimeDone
from awslambdaric_lite.emulator.logs.extension_events import ExtensionState
from awslambdaric_lite.emulator.logs.frames import Frame
from awslambdaric_lite.emulator.logs.invocation_events import RuntimeDone, Start
from awslambdaric_lite.emulator.logs.levels import SystemLevel
from awslambdaric_lite.emulator.logs.stream import LogStream, TelemetryRecord

START = Start("id", "$LATEST")


def test_text_log_interleaves_whole_lines() -> None:
    """A text log has output line by line with the platform's lines between; an event completes an unfinished line."""
    log = LogStream()
    log.feed(b"one\ntw")
    log.feed("o ü".encode()[:-1])
    log.feed("ü".encode()[1:] + b"\nthree")
    log.emit(START)
    log.note("a note")
    assert log.take() == "one\ntwo ü\nthree\nSTART RequestId: id Version: $LATEST\na note\n"
    assert log.take() == ""


def test_unfinished_lines_are_kept_per_process() -> None:
    """An unfinished line of a process is completed neither by another process nor by the platform."""
    log = LogStream()
    first, second = log.extension_output(), log.extension_output()
    first.feed(b"first, ")
    second.feed(b"second, ")
    log.feed(b"function\n")
    log.emit(START)
    first.feed(b"done\n")
    second.finish()
    assert log.take().splitlines() == ["function", START.lines()[0], "first, done", "second, "]


def test_multiline_message_is_one_event() -> None:
    """A multi-line message has carriage returns in the log and line feeds for listeners."""
    log = LogStream()
    records: list[TelemetryRecord] = []
    log.listen(records.append)
    log.feed(b"printed before")
    log.frame(Frame("[ERROR] boom\nTraceback\n  line\n", "ERROR"))
    log.frame(Frame("", "INFO"))
    assert log.take() == "printed before\n[ERROR] boom\rTraceback\r  line\n\n"
    assert [record.record for record in records] == ["printed before", "[ERROR] boom\nTraceback\n  line", ""]


def test_json_log_has_events_without_notes() -> None:
    """In a JSON log events are lines of JSON, notes are omitted, and output is unchanged."""
    log = LogStream(log_format="JSON")
    log.feed(b"plain\n")
    log.feed('{"level": "INFO", "message": "ü"}\n'.encode())
    log.emit(START)
    log.note("a note")
    plain, own, start = log.take().splitlines()
    assert (plain, own) == ("plain", '{"level": "INFO", "message": "ü"}')
    event = json.loads(start)
    assert list(event) == ["time", "type", "record"]
    assert (event["type"], event["record"]) == ("platform.start", START.record())


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", ["platform.start", "platform.runtimeDone", "platform.initRuntimeDone"]),
        ("INFO", ["platform.start", "platform.initRuntimeDone"]),
        ("WARN", ["platform.initRuntimeDone"]),
    ],
)
def test_system_level_filters_log_only(level: SystemLevel, expected: list[str]) -> None:
    """Events below the system level are not logged; listeners get all events."""
    log = LogStream(log_format="JSON", system_level=level)
    events = [START, RuntimeDone("id", "success", 1.0, 0), InitRuntimeDone("on-demand", "init", "error", "E")]
    for event in events:
        log.emit(event)
    assert [json.loads(line)["type"] for line in log.take().splitlines()] == expected
    records: list[TelemetryRecord] = []
    log.listen(records.append)
    for event in events:
        log.emit(event)
    assert len(records) == 3


def test_application_level_filters_json_lines() -> None:
    """JSON lines below the level are not logged; an unknown level is INFO, and plain text is always logged."""
    lines = [
        '{"level":"trace"}',
        '{"level":"INFO"}',
        '{"level":"odd"}',
        '{"message":"none"}',
        '{"level":3}',
        '{"level":"warn"}',
        '{"level":"WARNING"}',
        '{"level":"CRITICAL"}',
        '{"broken',
        "[1]",
        "text",
    ]
    log = LogStream(log_format="JSON", level="WARN")
    log.feed("".join(line + "\n" for line in lines).encode())
    assert log.take().splitlines() == lines[5:]
    log = LogStream(log_format="JSON")
    log.feed("".join(line + "\n" for line in lines).encode())
    assert log.take().splitlines() == lines[1:]
    log = LogStream()
    log.feed("".join(line + "\n" for line in lines).encode())
    assert log.take().splitlines() == lines


def test_listener_gets_records_until_removed() -> None:
    """A listener gets each record with its category until it is removed; JSON format yields objects."""
    for log_format, expected in (("Text", '{"a":1}'), ("JSON", {"a": 1})):
        log = LogStream(log_format="JSON" if log_format == "JSON" else "Text")
        records: list[TelemetryRecord] = []
        listener = records.append
        log.listen(listener)
        log.feed(b'{"a":1}\n')
        log.extension_output().feed(b"from an extension\n")
        log.emit(ExtensionState("agent", "Ready", []))
        log.unlisten(listener)
        log.feed(b"too late\n")
        assert [(record.category, record.record) for record in records] == [
            ("function", expected),
            ("extension", "from an extension"),
            ("platform", {"name": "agent", "state": "Ready", "events": []}),
        ]


def test_failed_sink_is_not_called_again() -> None:
    """A sink that raises is not called again, and the log is complete."""
    seen: list[str] = []

    def broken(line: str) -> None:
        seen.append(line)
        raise BrokenPipeError

    log = LogStream(broken)
    log.feed(b"a\nb\n")
    assert (seen, log.take()) == (["a"], "a\nb\n")
