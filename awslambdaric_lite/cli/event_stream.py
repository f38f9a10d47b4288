"""Decodes `application/vnd.amazon.eventstream`, in which the Lambda API sends a streamed response.

A frame is, in big-endian order: its whole length (4 bytes), the length of its headers (4), the CRC-32 of these eight
bytes (4), headers, payload, the CRC-32 of all before it (4). Source: "Event stream encoding" of the Smithy
specification.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = 12  # bytes
_STRING = 7  # the type of all header values that Lambda sends


class MalformedStream(Exception):
    """A stream with bytes that are not frames; the message says why."""


def decode_frames(chunks: Iterable[bytes]) -> Iterator[tuple[dict[str, str], bytes]]:
    """Yield headers and payload of each frame, as soon as it is complete, from chunks of any length.

    Raises:
        MalformedStream: the bytes are not frames, or end within one.
    """
    received = bytearray()
    for chunk in chunks:
        received += chunk
        while len(received) >= _PRELUDE:
            length, headers_length, checksum = struct.unpack_from(">III", received)
            if checksum != zlib.crc32(received[:8]) or length < _PRELUDE + headers_length + 4:
                raise MalformedStream("the response is not an event stream")
            if len(received) < length:
                break
            message, (checksum,) = bytes(received[: length - 4]), struct.unpack_from(">I", received, length - 4)
            if checksum != zlib.crc32(message):
                raise MalformedStream("a frame of the response has a wrong checksum")
            del received[:length]
            end = _PRELUDE + headers_length
            yield dict(_headers(message[_PRELUDE:end])), message[end:]
    if received:
        raise MalformedStream("the response ends within a frame")


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    try:
        while at < len(data):
            name = data[at + 1 : at + 1 + data[at]]
            at += 1 + len(name)
            kind, length = struct.unpack_from(">BH", data, at)
            if kind != _STRING:
                raise MalformedStream(f"the value of a frame's header {name.decode()!r} is not a string")
            yield name.decode(), data[at + 3 : at + 3 + length].decode()
            at += 3 + length
    except (IndexError, struct.error, UnicodeDecodeError):
        raise MalformedStream("a frame of the response has malformed headers") from None
