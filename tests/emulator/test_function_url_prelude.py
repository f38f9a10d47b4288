"""The prelude of streamed HTTP responses, split at every point."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awslambdaric_lite.emulator.frontend.proxy_result import MalformedResponse
from awslambdaric_lite.emulator.frontend.url_prelude import MAX_PRELUDE, Prelude, PreludeReader

METADATA = b'{"statusCode":200,"headers":{"content-type":"text/plain"},"cookies":["a=1"]}'
END = bytes(8)

quiet = settings(deadline=None, database=None)


def parts(data: bytes, cuts: list[int]) -> list[bytes]:
    """Split the data at the given places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def read(pieces: list[bytes]) -> Prelude | None:
    """Feed the pieces; append those after the complete prelude to its payload."""
    reader = PreludeReader()
    for index, piece in enumerate(pieces):
        if (prelude := reader.feed(piece)) is not None:
            return Prelude(prelude.metadata, prelude.payload + b"".join(pieces[index + 1 :]))
    return None


@pytest.mark.parametrize("cut", range(len(METADATA + END) + 3))
def test_prelude_split_at_any_point_is_read(cut: int) -> None:
    """A prelude split in two at any point is read; the first eight NULs are the delimiter."""
    stream = METADATA + END + b"\0\0payload"
    assert read([stream[:cut], stream[cut:]]) == Prelude(METADATA, b"\0\0payload")


def test_prelude_completes_with_eighth_nul() -> None:
    """A prelude fed byte by byte is complete with the eighth NUL."""
    reader = PreludeReader()
    for byte in (METADATA + END)[:-1]:
        assert reader.feed(bytes([byte])) is None
    assert reader.feed(b"\0") == Prelude(METADATA, b"")


@quiet
@given(
    metadata=st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4),
    payload=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 500), max_size=12),
)
def test_splits_do_not_change_prelude(metadata: dict[str, str], payload: bytes, cuts: list[int]) -> None:
    """Metadata and payload are the same for every split of the stream."""
    text = json.dumps(metadata).encode()
    assert read(parts(text + END + payload, cuts)) == Prelude(text, payload)


@quiet
@given(data=st.lists(st.sampled_from([b"\0", b"\0\0\0", b"x", b"{}"]), max_size=12).map(b"".join), cuts=st.data())
def test_splits_do_not_change_outcome(data: bytes, cuts: st.DataObject) -> None:
    """A malformed, an unfinished and a complete stream have the same outcome for every split."""

    def outcome(pieces: list[bytes]) -> Prelude | str | None:
        try:
            return read(pieces)
        except MalformedResponse as malformed:
            return str(malformed)

    assert outcome(parts(data, cuts.draw(st.lists(st.integers(0, 40), max_size=8)))) == outcome([data])


def test_fewer_than_eight_nuls_are_malformed() -> None:
    """Fewer than eight consecutive NULs are rejected at the next byte."""
    reader = PreludeReader()
    assert reader.feed(METADATA + END[:7]) is None
    with pytest.raises(MalformedResponse, match="fewer than 8 NUL"):
        reader.feed(b"x")


@pytest.mark.parametrize("size", [1, 1000, MAX_PRELUDE + 100])
def test_prelude_above_16_kib_is_malformed(size: int) -> None:
    """Metadata and delimiter of exactly 16 KiB are accepted, and larger ones rejected, in pieces of any size."""

    def pieces(data: bytes) -> list[bytes]:
        return [data[at : at + size] for at in range(0, len(data), size)]

    fits = b"{" + b" " * (MAX_PRELUDE - 10) + b"}"
    assert read(pieces(fits + END)) == Prelude(fits, b"")
    for too_long in (fits + b" ", fits + b" " + END):
        with pytest.raises(MalformedResponse, match="16384"):
            read(pieces(too_long))
