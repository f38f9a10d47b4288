"""The prelude of a streamed HTTP response: JSON metadata, eight NUL bytes, then the payload. Sans-I/O."""

from __future__ import annotations

from typing import NamedTuple

from .proxy_result import MalformedResponse

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
"""The content type of a stream that begins with a prelude."""
# API Gateway's documented limit for metadata and delimiter; none is documented for function URLs.
MAX_PRELUDE = 16 * 1024
_DELIMITER = bytes(8)


class Prelude(NamedTuple):
    """The prelude of a stream."""

    metadata: bytes
    payload: bytes  # the bytes that arrived with the delimiter


class PreludeReader:
    """Reader that finds the end of the prelude in a stream of parts."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, part: bytes) -> Prelude | None:
        """Add the next part of the stream; return the prelude when it is complete.

        Raises:
            MalformedResponse: the parts cannot become a prelude.
        """
        self._data += part
        end = self._data.find(0)
        if max(end, len(self._data) if end < 0 else 0) + len(_DELIMITER) > MAX_PRELUDE:
            raise MalformedResponse(f"the stream has no metadata and 8 NUL bytes in its first {MAX_PRELUDE} bytes")
        if end < 0:
            return None
        found = bytes(self._data[end : end + len(_DELIMITER)])
        if not _DELIMITER.startswith(found):
            raise MalformedResponse("the metadata of the stream is followed by fewer than 8 NUL bytes")
        if len(found) < len(_DELIMITER):
            return None
        return Prelude(bytes(self._data[:end]), bytes(self._data[end + len(_DELIMITER) :]))
