"""The frames of `application/vnd.amazon.eventstream`, in which a streamed response is sent. No I/O.

A frame is, in big-endian order: its whole length (4 bytes), the length of its headers (4), the CRC-32 of these eight
bytes (4), headers, payload, the CRC-32 of all before it (4). Source: "Event stream encoding" of the Smithy
specification, which every AWS SDK decodes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from ...common.json_text import compact

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADERS = 128 * 1024  # bytes of all headers of a frame
MAX_PAYLOAD = 24 * 1024 * 1024  # bytes; decoders refuse more
_STRING = 7  # the type of a header value
_JSON = "application/json"


def frame(headers: Sequence[tuple[str, str]], payload: bytes) -> bytes:
    """Encode one message whose header values are strings.

    Raises:
        ValueError: a name or a value is too long for its length field, or a part exceeds what decoders take.
    """
    encoded = b"".join(_header(name.encode(), value.encode()) for name, value in headers)
    if len(encoded) > MAX_HEADERS:
        raise ValueError(f"headers of {len(encoded)} bytes; a frame takes up to {MAX_HEADERS}")
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes; a frame takes up to {MAX_PAYLOAD}")
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    message = b"".join((prelude, struct.pack(">I", zlib.crc32(prelude)), encoded, payload))
    return message + struct.pack(">I", zlib.crc32(message))


def payload_chunk(data: bytes) -> bytes:
    """Return the frame of a part of the response."""
    return frame(_event("PayloadChunk", "application/octet-stream"), data)


def invoke_complete(
    error_code: str | None = None, error_details: str | None = None, log_result: str | None = None
) -> bytes:
    """Return the last frame of a response, with its error, and with the log in base64 if requested."""
    fields = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    present = {name: value for name, value in fields.items() if value is not None}
    return frame(_event("InvokeComplete", _JSON), compact(present, ascii_only=True).encode())


def error(code: str, message: str) -> bytes:
    """Return the frame for a failure of the service in the middle of a response.

    It is not an `exception` frame, because the stream's model declares no exception.
    """
    return frame([(":message-type", "error"), (":error-code", code), (":error-message", message)], b"")


def _event(event_type: str, content_type: str) -> list[tuple[str, str]]:
    return [(":message-type", "event"), (":event-type", event_type), (":content-type", content_type)]


def _header(name: bytes, value: bytes) -> bytes:
    if not 0 < len(name) < 256:
        raise ValueError(f"header name of {len(name)} bytes; it has 1 to 255")
    if len(value) > 0x7FFF:
        raise ValueError(f"header value of {len(value)} bytes; it has up to {0x7FFF}")
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _STRING, len(value)) + value
