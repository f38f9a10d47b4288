"""Tests of `_sinks` and `_framed_sink`: text on standard output, and frames on the telemetry descriptor."""

from __future__ import annotations

import io
import os
import posix
import struct
import sys
import threading
from collections.abc import Iterator

import pytest

from awslambdaric_lite import _framed_sink
from awslambdaric_lite._framed_sink import FramedTelemetryLogSink
from awslambdaric_lite._sinks import (
    JSON_FRAMES,
    TEXT_FRAMES,
    StandardLogSink,
    create_log_sink,
    current,
    print_stderr,
    write_through,
)

VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"


def framed(fd: int, *, json_format: bool = False) -> FramedTelemetryLogSink:
    """Make the sink that `create_log_sink` makes for a descriptor."""
    error = (JSON_FRAMES if json_format else TEXT_FRAMES)[40]
    return FramedTelemetryLogSink(fd, TEXT_FRAMES[0], error, json_format=json_format)


class Clock:
    """A replacement for `time` that always returns the same moment."""

    def time_ns(self) -> int:
        return 1_700_000_000_123_456_789


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Open a pipe; return the descriptors of its reading and writing end."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.fixture(autouse=True)
def _no_runtime(no_sink: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test start without a sink and without a descriptor in the environment."""
    monkeypatch.delenv(VARIABLE, raising=False)


def test_frame_matches_protocol_vector(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame has the bytes of the protocol's test vector: type, length, microseconds, text."""
    monkeypatch.setattr(_framed_sink, "_time_ns", Clock().time_ns)
    framed(pipe[1]).log("hello", TEXT_FRAMES[20])
    assert os.read(pipe[0], 100).hex() == "a55a000f0000000500060a241820224068656c6c6f"


def test_frame_type_has_level_and_format() -> None:
    """A frame type is 0xa55a0000 with the level, a bit for the timestamp and a bit for text."""
    levels = {0: 0, 10: 2, 20: 3, 30: 4, 40: 5, 50: 6}
    assert {level: int.from_bytes(code, "big") for level, code in JSON_FRAMES.items()} == {
        level: 0xA55A0000 | number << 2 | 2 for level, number in levels.items()
    }
    assert {level: int.from_bytes(code, "big") for level, code in TEXT_FRAMES.items()} == {
        level: 0xA55A0000 | number << 2 | 3 for level, number in levels.items()
    }


def frames(data: bytes) -> list[tuple[int, str]]:
    """Return type and text of each frame."""
    found = []
    while data:
        kind, length, _ = struct.unpack(">IIQ", data[:16])
        found.append((kind, data[16 : 16 + length].decode()))
        data = data[16 + length :]
    return found


@pytest.mark.parametrize(("json_format", "kind"), [(False, 0xA55A0017), (True, 0xA55A0016)])
def test_error_report_is_one_frame(json_format: bool, kind: int, pipe: tuple[int, int]) -> None:
    """An error report is one frame whose lines are joined by line feeds, without a trailing one."""
    framed(pipe[1], json_format=json_format).log_error(["one", "two"])
    assert frames(os.read(pipe[0], 1000)) == [(kind, "one\ntwo")]


def test_untyped_frame_is_text(pipe: tuple[int, int]) -> None:
    """A frame without a type is text; its length counts bytes, and lone surrogates are escaped."""
    sink = framed(pipe[1])
    sink.log("é€😀")
    sink.log("a\ud800")
    sink.log("")
    assert frames(os.read(pipe[0], 1000)) == [(0xA55A0003, "é€😀"), (0xA55A0003, "a\\ud800"), (0xA55A0003, "")]


def test_frame_that_is_written_in_parts_arrives_whole(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame of which each write accepts some bytes only, as when a signal arrives, arrives whole."""
    monkeypatch.setattr(_framed_sink, "_write", lambda descriptor, data: os.write(descriptor, data[:7]))
    framed(pipe[1]).log("several parts")
    assert frames(os.read(pipe[0], 1000)) == [(0xA55A0003, "several parts")]


def test_large_frame_arrives_whole(pipe: tuple[int, int]) -> None:
    """A frame larger than the pipe's buffer arrives whole, although each write accepts a part."""
    os.set_blocking(pipe[1], True)
    received = bytearray()
    text = "x" * 1_000_000

    def read() -> None:
        while len(received) < 16 + len(text):
            received.extend(os.read(pipe[0], 65536))

    reader = threading.Thread(target=read)
    reader.start()
    framed(pipe[1]).log(text)
    reader.join(110)
    assert frames(bytes(received)) == [(0xA55A0003, text)]


def test_standard_output_gets_unchanged_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A message is written unchanged; an error report is one line, joined by carriage returns."""
    sink = StandardLogSink()
    sink.log("a\nb", TEXT_FRAMES[40])
    sink.log_error(["one", "two"])
    assert capsys.readouterr().out == "a\nbone\rtwo\n"


class Terminal(io.StringIO):
    """Standard output on a terminal."""

    def isatty(self) -> bool:
        return True


def test_terminal_gets_line_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error report on a terminal has line feeds."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    StandardLogSink().log_error(["one", "two"])
    assert terminal.getvalue() == "one\ntwo\n"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_unencodable_text_is_escaped(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Characters that the stream's encoding lacks are escaped, so that the log line is not lost."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    StandardLogSink().log("€\ud800\n")
    monkeypatch.undo()
    assert raw.getvalue() == "€\\ud800\n".encode(encoding, "backslashreplace")


class Closed(io.StringIO):
    """Standard output that user code has closed."""

    def isatty(self) -> bool:
        raise ValueError("I/O operation on closed file")


@pytest.mark.parametrize("stream", [None, Closed()])
def test_sink_needs_no_standard_output(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink can be made while `sys.stdout` is closed or None."""
    monkeypatch.setattr(sys, "stdout", stream)
    assert StandardLogSink().json_format is False


class WriteOnly:
    """A replacement for a standard stream that has nothing but `write`, as user code makes them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)


def test_sink_needs_no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text is written to a replacement of `sys.stdout` that cannot be flushed."""
    stream = WriteOnly()
    monkeypatch.setattr(sys, "stdout", stream)
    StandardLogSink().log_error(["first", "second"])
    assert stream.texts == ["first\rsecond\n"]


def test_stream_without_flush_stays_as_it_is() -> None:
    """A stream that cannot be flushed is not made to flush each text; a missing one is left out."""
    stream = WriteOnly()
    write_through(stream)
    write_through(None)
    stream.write("text")
    assert stream.texts == ["text"]


@pytest.mark.parametrize("stream", [None, "closed", WriteOnly()])
def test_line_needs_no_standard_error(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime's last line is written to standard error if that can be written; else nothing is raised."""
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    print_stderr("lost")
    if isinstance(stream, WriteOnly):
        assert stream.texts == ["awslambdaric-lite: lost\n"]


def test_descriptor_is_removed_from_environment(pipe: tuple[int, int]) -> None:
    """The descriptor's variable is removed, so that child processes do not write to the platform's pipe."""
    os.environ[VARIABLE] = str(pipe[1])
    sink = create_log_sink(json_format=True)
    assert isinstance(sink, FramedTelemetryLogSink)
    assert (sink.fd, sink.json_format) == (pipe[1], True)
    assert VARIABLE not in os.environ
    assert VARIABLE.encode() not in posix.environ
    assert current() is sink


@pytest.mark.parametrize("value", [None, "", "x", "-1", "²"])
def test_bad_descriptor_selects_standard_output(value: str | None) -> None:
    """Without a valid descriptor, logs go to standard output, and the variable is removed."""
    if value is not None:
        os.environ[VARIABLE] = value
    sink = create_log_sink(json_format=False)
    assert isinstance(sink, StandardLogSink)
    assert VARIABLE not in os.environ
    assert current() is sink


def test_no_sink_exists_without_runtime() -> None:
    """`current()` is None unless a runtime made a sink."""
    assert current() is None
