"""The event loop that many threads share (`CONCURRENCY_MODE=asyncio`): owns running their coroutines on it."""

import asyncio
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from threading import get_ident

from .._handlers.event_loop import DEADLINE_MARGIN_S, EventLoop, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable
    from typing import Any

    Outcome = tuple[object, BaseException | None]
    Chunk = tuple[object, asyncio.Future[None]]


class SharedLoop(EventLoop):
    """Runs in the main thread; coroutines of other threads run in the context of their thread."""

    def __init__(self, *, cancel_at_deadline: bool = False) -> None:
        super().__init__(lambda _: None, cancel_at_deadline=cancel_at_deadline)
        self._owner = get_ident()

    def run(self, awaitable: "Awaitable[object]", context: "Any" = None) -> object:
        """Wait for a result, in another thread than the loop's; in the loop's thread only before it serves.

        Raises:
            BaseException: whatever the coroutine raises.
            TimeoutError: the coroutine was cancelled shortly before the deadline.
        """
        if get_ident() == self._owner:
            return super().run(awaitable, context)
        result, raised = self._submit(awaitable, context).result()
        if raised is not None:
            raise raised
        return result

    def drive(self, body: "AsyncIterable[object]", write: "Callable[[object], None]", context: "Any" = None) -> None:
        """Write the chunks of an asynchronous body in the calling thread; a slow client must not block the loop."""
        chunks: SimpleQueue[Chunk | None] = SimpleQueue()
        outcome = self._submit(_enqueue(body, chunks), context)
        outcome.add_done_callback(lambda _: chunks.put(None))
        while (item := chunks.get()) is not None:
            chunk, written = item
            try:
                write(chunk)
            except BaseException as error:
                self.loop.call_soon_threadsafe(_resolve, written, error)
            else:
                self.loop.call_soon_threadsafe(_resolve, written, None)
        _, raised = outcome.result()
        if raised is not None:
            raise raised

    def warn_of_forgotten_tasks(self) -> None:
        """Do nothing, because this loop is never suspended."""

    def _submit(self, awaitable: "Awaitable[object]", context: "Any") -> "Future[Outcome]":
        outcome: Future[Outcome] = Future()
        self.loop.call_soon_threadsafe(self._start, awaitable, context, outcome, context=copy_context())
        return outcome

    def _start(self, awaitable: "Awaitable[object]", context: "Any", outcome: "Future[Outcome]") -> None:
        task = self.loop.create_task(settle(awaitable))
        timer: asyncio.TimerHandle | None = None
        if self._cancel_at_deadline and context is not None:
            left = context.get_remaining_time_in_millis() / 1000 - DEADLINE_MARGIN_S
            timer = self.loop.call_later(max(left, 0.0), task.cancel)

        def tell(task: "asyncio.Task[Outcome]") -> None:
            result, raised = (None, asyncio.CancelledError()) if task.cancelled() else task.result()
            if timer is not None:
                timer.cancel()
                if timer.when() <= self.loop.time() and isinstance(raised, asyncio.CancelledError):
                    raised = TimeoutError(f"cancelled {DEADLINE_MARGIN_S * 1000:.0f} ms before the deadline")
            outcome.set_result((result, raised))

        task.add_done_callback(tell)


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
