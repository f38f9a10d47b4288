"""The log stream: lines of several processes, formats, levels, and what listeners get."""

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


def test_text() -> None:
    """Output line by line, the platform's lines between them, an unfinished line ended by what follows."""
    log = LogStream()
    log.feed(b"one\ntw")
    log.feed("o ü".encode()[:-1])
    log.feed("ü".encode()[1:] + b"\nthree")
    log.emit(START)
    log.note("a note")
    assert log.take() == "one\ntwo ü\nthree\nSTART RequestId: id Version: $LATEST\na note\n"
    assert log.take() == ""


def test_extensions_have_lines_of_their_own() -> None:
    """Half a line of one process is not finished by another's, nor by the platform."""
    log = LogStream()
    first, second = log.extension_output(), log.extension_output()
    first.feed(b"first, ")
    second.feed(b"second, ")
    log.feed(b"function\n")
    log.emit(START)
    first.feed(b"done\n")
    second.finish()
    assert log.take().splitlines() == ["function", START.lines()[0], "first, done", "second, "]


def test_a_message_of_several_lines_is_one_event() -> None:
    """Carriage returns in the log, as runtimes join such messages on standard output; line ends for listeners."""
    log = LogStream()
    records: list[TelemetryRecord] = []
    log.listen(records.append)
    log.feed(b"printed before")
    log.frame(Frame("[ERROR] boom\nTraceback\n  line\n", "ERROR"))
    log.frame(Frame("", "INFO"))
    assert log.take() == "printed before\n[ERROR] boom\rTraceback\r  line\n\n"
    assert [record.record for record in records] == ["printed before", "[ERROR] boom\nTraceback\n  line", ""]


def test_json() -> None:
    """The platform's events are lines of JSON, notes are left out, output stays as it is."""
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
def test_the_detail_of_system_logs(level: SystemLevel, expected: list[str]) -> None:
    """Events below the level are not logged; listeners get them all."""
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


def test_the_detail_of_application_logs() -> None:
    """JSON objects below the level are not logged; a missing or unknown one is INFO; plain text always is."""
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


def test_listeners() -> None:
    """They get every record with its category, JSON objects as such in JSON format only, until they have enough."""
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


def test_a_sink_that_fails_does_no_harm() -> None:
    """It is not asked again."""
    seen: list[str] = []

    def broken(line: str) -> None:
        seen.append(line)
        raise BrokenPipeError

    log = LogStream(broken)
    log.feed(b"a\nb\n")
    assert (seen, log.take()) == (["a"], "a\nb\n")
