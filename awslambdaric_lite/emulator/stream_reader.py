"""A streamed response for callers outside of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import TracebackType

from .loop_thread import LoopThread
from .results import Invocation, InvokeResult
from .streams import ResponseStream, StreamHead


class StreamReader:
    """Iterator of the parts of a response; `result` has its outcome.

    A reader that is closed before the end of the response does not stop the function, as on AWS.
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
        """The content type of the response, after waiting for its begin; None for an invocation without a response."""

        async def head() -> StreamHead | None:
            return await asyncio.shield(self._stream.head)

        begun = self._loop.call(head())
        return None if begun is None else begun.content_type

    @property
    def result(self) -> InvokeResult:
        """Wait for the end and return the result; the payload is the object of a function error, else empty.

        Raises:
            TooManyRequests: the function was at its concurrency limit.
            LocalLambdaClosed: the local Lambda was closed meanwhile.
        """
        return InvokeResult(self._invocation, self._invocation.answered.result())

    def close(self) -> None:
        """Stop reading."""
        self._loop.post(self._stream.abandon)
