"""Event-stream frames, decoded by botocore and compared byte by byte with recorded ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite.emulator.frontend import eventstream

NAMES = st.text(min_size=1, max_size=60)
VALUES = st.text(max_size=2000)


def decode(data: bytes, step: int | None = None) -> list[Any]:
    """Return the messages that an SDK decodes from the bytes, fed whole or in steps."""
    buffer = EventStreamBuffer()
    step = step or max(len(data), 1)
    messages = []
    for at in range(0, len(data), step):
        buffer.add_data(data[at : at + step])
        messages += list(buffer)
    return messages


@pytest.mark.parametrize(
    ("made", "recorded"),
    [
        (
            eventstream.payload_chunk(b"hello"),
            "0000006f0000005af5fe871f0d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000c5061796c"
            "6f61644368756e6b0d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f637465742d73747265616d68656c6c"
            "6f4fe061f2",
        ),
        (
            eventstream.invoke_complete(),
            "00000066000000541f56c8690d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000e496e766f"
            "6b65436f6d706c6574650d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b7dface259a",
        ),
    ],
    ids=["PayloadChunk", "InvokeComplete"],
)
def test_frame_equals_recorded_frame(made: bytes, recorded: str) -> None:
    """An encoded frame equals the recorded frame, including its checksums."""
    assert made == bytes.fromhex(recorded)


@given(
    frames=st.lists(st.tuples(st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=1500)), max_size=4),
    step=st.integers(1, 700),
)
def test_botocore_decodes_encoded_frames(frames: list[tuple[dict[str, str], bytes]], step: int) -> None:
    """botocore decodes the headers and payloads that were encoded, for every split of the stream."""
    data = b"".join(eventstream.frame(list(headers.items()), payload) for headers, payload in frames)
    assert [(message.headers, message.payload) for message in decode(data, step)] == frames


def test_invoke_complete_has_no_empty_fields() -> None:
    """`InvokeComplete` contains only the fields that have a value."""
    full = decode(eventstream.invoke_complete("Function.Error", '{"errorMessage":"é"}', "bG9n"))[0]
    assert json.loads(full.payload) == {
        "ErrorCode": "Function.Error",
        "ErrorDetails": '{"errorMessage":"é"}',
        "LogResult": "bG9n",
    }
    assert json.loads(decode(eventstream.invoke_complete(log_result="bG9n"))[0].payload) == {"LogResult": "bG9n"}


def test_error_frame_is_service_error() -> None:
    """botocore decodes an error frame as a failure of the service."""
    response = decode(eventstream.error("ServiceException", "gone"))[0].to_response_dict()
    assert response["status_code"] == 400
    assert response["headers"][":error-code"] == "ServiceException"
    assert response["headers"][":error-message"] == "gone"


@pytest.mark.parametrize(
    ("headers", "payload", "text"),
    [
        ([("", "x")], b"", "name of 0 bytes"),
        ([("é" * 128, "x")], b"", "name of 256 bytes"),
        ([("x", "y" * 0x8000)], b"", "value of 32768 bytes"),
        ([(f"n{i}", "y" * 0x7FFF) for i in range(5)], b"", "up to 131072"),
        ([], b"x" * (24 * 1024 * 1024 + 1), "up to 25165824"),
    ],
    ids=["no name", "long name", "long value", "all headers", "payload"],
)
def test_oversized_frame_is_rejected_with_size(headers: list[tuple[str, str]], payload: bytes, text: str) -> None:
    """A header or payload above a decoder's limit is rejected; the error states the size."""
    with pytest.raises(ValueError, match=text):
        eventstream.frame(headers, payload)
