"""The event loop that many threads share (`CONCURRENCY_MODE=asyncio`): owns running their coroutines on it."""

import asyncio
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from threading import get_ident

from .._handlers.event_loop import EventLoop, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable
    from typing import Any

    Chunk = tuple[object, asyncio.Future[None]]


class SharedLoop(EventLoop):
    """Runs in the main thread; coroutines of other threads run in the context of their thread."""

    def __init__(self, *, cancel_at_deadline: bool = False) -> None:
        super().__init__(lambda _: None, cancel_at_deadline=cancel_at_deadline)
        self._owner = get_ident()

    def run_until(
        self,
        start: "Callable[[], asyncio.Future[Any]]",
        cancel: "Callable[[], object]",
        context: "Any" = None,
        loop: "asyncio.AbstractEventLoop | None" = None,
    ) -> bool:
        """Wait in another thread than the loop's until a future is done; in the loop's only before it serves."""
        if get_ident() == self._owner or loop not in (None, self.loop):
            return super().run_until(start, cancel, context, loop)
        return self._submit(start, cancel, context).result()

    def drive(self, body: "AsyncIterable[object]", write: "Callable[[object], None]", context: "Any" = None) -> None:
        """Write the chunks of an asynchronous body in the calling thread; a slow client must not block the loop."""
        chunks: SimpleQueue[Chunk | None] = SimpleQueue()
        step = Step(self.loop, _enqueue(body, chunks))
        late = self._submit(step.start, step.cancel, context)
        late.add_done_callback(lambda _: chunks.put(None))
        while (item := chunks.get()) is not None:
            chunk, written = item
            try:
                write(chunk)
            except BaseException as error:
                self.loop.call_soon_threadsafe(_resolve, written, error)
            else:
                self.loop.call_soon_threadsafe(_resolve, written, None)
        step.result(late=late.result())

    def warn_of_forgotten_tasks(self) -> None:
        """Do nothing, because this loop is never suspended."""

    def _submit(
        self, start: "Callable[[], asyncio.Future[Any]]", cancel: "Callable[[], object]", context: "Any"
    ) -> "Future[bool]":
        late: Future[bool] = Future()
        self.loop.call_soon_threadsafe(self._start, start, cancel, context, late, context=copy_context())
        return late

    def _start(
        self,
        start: "Callable[[], asyncio.Future[Any]]",
        cancel: "Callable[[], object]",
        context: "Any",
        late: "Future[bool]",
    ) -> None:
        timer = self.timer(self.loop, cancel, context)

        def tell(_: "asyncio.Future[Any]") -> None:
            if timer is not None:
                timer.cancel()
            late.set_result(timer is not None and timer.when() <= self.loop.time())

        start().add_done_callback(tell)


async def _enqueue(body: "AsyncIterable[object]", chunks: "SimpleQueue[Chunk | None]") -> None:
    """Put each chunk into the queue and wait until it is written."""
    loop = asyncio.get_running_loop()
    try:
        async for chunk in body:
            written: asyncio.Future[None] = loop.create_future()
            chunks.put((chunk, written))
            await written
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()


def _resolve(written: "asyncio.Future[None]", error: "BaseException | None") -> None:
    if written.done():
        return  # cancelled in the meantime
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)
