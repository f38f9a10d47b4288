"""Frames of the telemetry descriptor: complete, split, and amid garbage."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite.emulator.logs.frames import LEVELS, MAX_MESSAGE, Frame, FrameReader

HELLO = bytes.fromhex("a55a000f0000000500060a241820224068656c6c6f")  # INFO, text, at 1700000000123456 µs


def render(frame: Frame) -> bytes:
    """Encode a frame as a runtime writes it."""
    timed = frame.timestamp_us is not None
    kind = 0xA55A0000 | LEVELS.index(frame.level) << 2 | timed << 1 | (not frame.is_json)
    message = frame.message.encode()
    time = struct.pack(">q", frame.timestamp_us) if frame.timestamp_us is not None else b""
    return struct.pack(">II", kind, len(message)) + time + message


def test_frame_has_level_time_message() -> None:
    """A frame of AWS's clients is decoded to level, format, time and message."""
    assert FrameReader().feed(HELLO) == [Frame("hello", "INFO", False, 1_700_000_000_123_456)]
    assert render(Frame("hello", "INFO", False, 1_700_000_000_123_456)) == HELLO


@pytest.mark.parametrize(
    ("kind", "level", "is_json"),
    [
        ("a55a0003", "", False),
        ("a55a0007", "TRACE", False),
        ("a55a000b", "DEBUG", False),
        ("a55a0013", "WARN", False),
        ("a55a0017", "ERROR", False),
        ("a55a001b", "FATAL", False),
        ("a55a0002", "", True),
        ("a55a0006", "TRACE", True),
        ("a55a001a", "FATAL", True),
    ],
)
def test_frame_type_encodes_level_and_format(kind: str, level: str, is_json: bool) -> None:
    """Each frame type encodes a level and a format."""
    [frame] = FrameReader().feed(bytes.fromhex(kind) + HELLO[4:])
    assert (frame.level, frame.is_json, frame.message) == (level, is_json, "hello")


def test_older_frame_has_no_time() -> None:
    """A frame of the older type has a length and a message, but no time."""
    assert FrameReader().feed(bytes.fromhex("a55a0001") + b"\0\0\0\2hi" + HELLO)[:1] == [Frame("hi")]


def test_empty_message_is_frame() -> None:
    """A frame with an empty message is decoded."""
    assert FrameReader().feed(render(Frame("", "INFO", False, 1))) == [Frame("", "INFO", False, 1)]


@pytest.mark.parametrize(
    "garbage",
    [b"plain text\n", b"\xa5", b"\xa5\x5a", b"\xa5\x5a\x00\xff\0\0\0\1", b"\xa5\x5a\x00\x1f\0\0\0\1", b"\xff\xfe"],
)
def test_garbage_is_text_before_next_frame(garbage: bytes) -> None:
    """Bytes outside a frame are decoded as text, and the frame after them is read."""
    reader = FrameReader()
    frames = [frame for piece in (garbage, HELLO) for frame in reader.feed(piece)]
    assert frames[-1] == Frame("hello", "INFO", False, 1_700_000_000_123_456)
    assert "".join(frame.message for frame in frames[:-1]) == garbage.decode("utf-8", "replace")
    assert reader.end() == []


@pytest.mark.parametrize("cut", range(1, 22))
def test_split_frame_after_garbage_is_read(cut: int) -> None:
    """A frame after garbage is read for every split, even within its magic number."""
    reader = FrameReader()
    frames = [frame for piece in (b"garbage" + HELLO[:cut], HELLO[cut:]) for frame in reader.feed(piece)]
    assert [frame.message for frame in frames] == ["garbage", "hello"]


def test_oversized_length_is_garbage() -> None:
    """A frame with a length above the limit is garbage, and the frame after it is read."""
    oversized = HELLO[:4] + struct.pack(">I", MAX_MESSAGE + 1)
    frames = FrameReader().feed(oversized + HELLO)
    assert frames[-1].message == "hello"


def test_truncated_frame_becomes_text_once() -> None:
    """`end` returns the bytes of a truncated frame as text, once."""
    reader = FrameReader()
    assert reader.feed(HELLO[:-2]) == []
    assert [frame.message.endswith("hel") for frame in reader.end()] == [True]
    assert reader.end() == []


FRAMES = st.builds(
    Frame,
    message=st.text(st.characters(codec="utf-8"), max_size=40),
    level=st.sampled_from(LEVELS),
    is_json=st.booleans(),
    timestamp_us=st.none() | st.integers(0, 2**62),
)


@given(st.lists(FRAMES, max_size=6), st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_splits_do_not_change_frames(frames: list[Frame], sizes: list[int]) -> None:
    """All frames are decoded in order for every split of the bytes."""
    data = b"".join(map(render, frames))
    reader = FrameReader()
    read = []
    turn = 0
    while data:
        size = sizes[turn % len(sizes)]
        read += reader.feed(data[:size])
        data, turn = data[size:], turn + 1
    assert read == frames
    assert reader.end() == []


@given(st.lists(st.binary(max_size=40) | st.just(HELLO), max_size=6))
def test_any_bytes_leave_reader_usable(pieces: list[bytes]) -> None:
    """Arbitrary bytes raise no exception, and after `end` the reader decodes the next frame."""
    reader = FrameReader()
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    assert reader.feed(HELLO) == [Frame("hello", "INFO", False, 1_700_000_000_123_456)]
