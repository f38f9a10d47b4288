"""The body of a response, forwarded to a caller while it is received."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...common.quotas import MAX_STREAM
from ..http.exchange import Exchange
from ..streams import ResponseStream, StreamHead
from .bandwidth import TokenBucket


class ThrottledBodyForwarder:
    """Writer of a request's body into a caller's stream, no faster than the platform and the caller allow.

    It throttles the runtime by not reading from its connection. `on_oversized` is called when the body exceeds the
    platform's limit for streams.
    """

    def __init__(
        self,
        exchange: Exchange,
        stream: ResponseStream,
        head: StreamHead,
        bytes_per_s: float | None,
        on_oversized: Callable[[], None],
    ) -> None:
        self._exchange = exchange
        self._stream = stream
        self._on_oversized = on_oversized
        self._loop = asyncio.get_running_loop()
        self._bucket = None if bytes_per_s is None else TokenBucket(bytes_per_s, self._loop.time())
        self._reader_is_behind = False
        self._throttled = False
        exchange.on_data = self._on_data
        stream.begin(head, self._on_room)

    def _on_data(self, data: bytes) -> None:
        room = MAX_STREAM - self._stream.size
        self._reader_is_behind = not self._stream.feed(data[:room])
        if len(data) > room:
            self._on_oversized()
            return
        wait_s = self._bucket.take(len(data), self._loop.time()) if self._bucket is not None else 0.0
        if wait_s > 0:
            self._throttled = True
            self._loop.call_later(wait_s, self._on_tokens)
        if self._reader_is_behind or self._throttled:
            self._exchange.pause()

    def _on_room(self) -> None:
        self._reader_is_behind = False
        self._resume_if_free()

    def _on_tokens(self) -> None:
        self._throttled = False
        self._resume_if_free()

    def _resume_if_free(self) -> None:
        if not self._reader_is_behind and not self._throttled:
            self._exchange.resume()
