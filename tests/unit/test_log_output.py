"""Tests of `_sinks`: times, the frame type of errors, and standard streams that fail."""

from __future__ import annotations

import os
import posix
import struct
import sys
import time

import pytest

from awslambdaric_lite import _sinks
from awslambdaric_lite._sinks import create_log_sink, flush, format_time, has_milliseconds, json_time, print_stderr

PRECISION = b"AWS_LAMBDA_LOG_TIMESTAMP_PRECISION"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.0625, "2023-11-14T22:13:20.062Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (1_700_000_059.9999, "2023-11-14T22:14:19.999Z"),
        (4_102_444_800.5, "2100-01-01T00:00:00.500Z"),
    ],
)
def test_time_is_cut_to_milliseconds(seconds: float, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time has the whole milliseconds of the clock, or none."""
    monkeypatch.setattr(_sinks, "_CLOCK", (lambda: seconds, time.strftime, time.gmtime))
    assert format_time(milliseconds=True) == text
    assert format_time(milliseconds=False) == text[:19] + "Z"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (b"", False),
        (b"milliseconds", True),
        (b"Milliseconds", True),
        (b"MILLISECONDS", True),
        (b"seconds", False),
        (b"microseconds", False),
        (b"milliseconds ", False),
        (b"\xff", False),
    ],
)
def test_only_the_documented_value_gives_milliseconds(
    value: bytes | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times in JSON logs have milliseconds only for the value `milliseconds`, in any case."""
    if value is None:
        monkeypatch.delitem(posix.environ, PRECISION, raising=False)
    else:
        monkeypatch.setitem(posix.environ, PRECISION, value)
    assert has_milliseconds() == expected
    assert len(json_time()) == len("2023-11-14T22:13:20Z") + 4 * expected


@pytest.mark.parametrize(("json_format", "error", "plain"), [(False, 0x17, 0x03), (True, 0x16, 0x03)])
def test_created_sink_has_the_frame_types_of_its_format(
    json_format: bool, error: int, plain: int, no_sink: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink of a telemetry descriptor writes errors with the frame type of its format, and text as text."""
    reading, writing = os.pipe()
    try:
        monkeypatch.setenv("_LAMBDA_TELEMETRY_LOG_FD", str(writing))
        sink = create_log_sink(json_format=json_format)
        sink.log_error(["a"])
        sink.log("b")
        data = os.read(reading, 1000)
    finally:
        os.close(reading)
        os.close(writing)
    kinds = [struct.unpack(">I", data[start : start + 4])[0] & 0xFFFF for start in (0, 17)]
    assert kinds == [error, plain]


class Failing:
    """A stream whose methods raise an exception."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def write(self, text: str) -> int:
        """Raise the exception."""
        raise self._error

    def flush(self) -> None:
        """Raise the exception."""
        raise self._error


class Counting:
    """A stream that counts its flushes."""

    def __init__(self) -> None:
        self.flushes = 0
        self.text = ""

    def write(self, text: str) -> int:
        """Keep text."""
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Count."""
        self.flushes += 1


STREAMS = [None, object(), Failing(ValueError("closed")), Failing(KeyboardInterrupt()), Failing(SystemExit(3))]
STREAM_IDS = ["none", "without methods", "closed", "interrupted", "exits"]


@pytest.mark.parametrize("stream", STREAMS, ids=STREAM_IDS)
def test_failing_stream_does_not_keep_the_other_from_its_flush(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard stream that is missing or raises anything does not end the process; the other one is flushed."""
    for broken, whole in (("stdout", "stderr"), ("stderr", "stdout")):
        counting = Counting()
        with monkeypatch.context() as patch:
            patch.setattr(sys, broken, stream)
            patch.setattr(sys, whole, counting)
            flush()
        assert counting.flushes == 1


@pytest.mark.parametrize("stream", STREAMS, ids=STREAM_IDS)
def test_line_for_failing_standard_error_is_dropped(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of the runtime is dropped if standard error is missing or raises anything."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        print_stderr("text")
    counting = Counting()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", counting)
        print_stderr("text")
    assert counting.text == "awslambdaric-lite: text\n"
