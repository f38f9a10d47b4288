"""A streamed response for callers outside of the event loop: an iterator of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import TracebackType

from .loop_thread import LoopThread
from .results import Invocation, InvokeResult
from .streams import ResponseStream, StreamHead


class StreamReader:
    """The parts of a response as they come; `result` tells how it ended.

    One that is left before its end (`close`, or the end of a `with` block) lets the function run on, as on AWS.
    """

    def __init__(self, invocation: Invocation, stream: ResponseStream, loop: LoopThread) -> None:
        self.request_id = invocation.request_id
        self._invocation = invocation
        self._stream = stream
        self._loop = loop

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if part := self._loop.call(self._stream.read()):
            return part
        self._invocation.answered.result()  # raises if the function could not be run
        raise StopIteration

    def __enter__(self) -> StreamReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def content_type(self) -> str | None:
        """The type that the function gave its response; waits for its begin. None if it ended without a response."""

        async def head() -> StreamHead | None:
            return await asyncio.shield(self._stream.head)

        begun = self._loop.call(head())
        return None if begun is None else begun.content_type

    @property
    def result(self) -> InvokeResult:
        """How it ended; waits for that. The payload of a function error is its object, that of a response was read.

        Raises:
            TooManyRequests: the function was at its concurrency limit.
            LocalLambdaClosed: it was closed meanwhile.
        """
        return InvokeResult(self._invocation, self._invocation.answered.result())

    def close(self) -> None:
        """Read no more."""
        self._loop.post(self._stream.abandon)
