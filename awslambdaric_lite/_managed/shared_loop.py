"""One event loop for the invocations of many threads: `CONCURRENCY_MODE=asyncio`."""

import asyncio
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from threading import get_ident

from .._handlers.event_loop import _MARGIN, EventLoop, _settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable
    from typing import Any

    Outcome = tuple[object, BaseException | None]
    Offer = tuple[object, asyncio.Future[None]]


class SharedLoop(EventLoop):
    """Runs in the main thread; what other threads give it runs in their context, so that log records know whose."""

    def __init__(self, warn: "Callable[[str], None]", *, cancel_at_deadline: bool = False) -> None:
        super().__init__(warn, cancel_at_deadline=cancel_at_deadline)
        self._owner = get_ident()

    def run(self, awaitable: "Awaitable[object]", context: "Any" = None) -> object:
        """Wait for a result, in another thread than the loop's; in that thread only before the loop runs for good.

        Raises:
            BaseException: whatever the coroutine raises.
            TimeoutError: it was cancelled shortly before the deadline.
        """
        if get_ident() == self._owner:
            return super().run(awaitable, context)
        result, raised = self._submit(awaitable, context).result()
        if raised is not None:
            raise raised
        return result

    def drive(self, body: "AsyncIterable[object]", write: "Callable[[object], None]", context: "Any" = None) -> None:
        """Write the chunks of an asynchronous body from the thread that asks: a slow reader must not hold the loop."""
        offers: "SimpleQueue[Offer | None]" = SimpleQueue()
        outcome = self._submit(_offer(body, offers), context)
        outcome.add_done_callback(lambda _: offers.put(None))
        while (offer := offers.get()) is not None:
            chunk, taken = offer
            try:
                write(chunk)
            except BaseException as error:
                self.loop.call_soon_threadsafe(_resolve, taken, error)
            else:
                self.loop.call_soon_threadsafe(_resolve, taken, None)
        _, raised = outcome.result()
        if raised is not None:
            raise raised

    def _submit(self, awaitable: "Awaitable[object]", context: "Any") -> "Future[Outcome]":
        outcome: "Future[Outcome]" = Future()
        self.loop.call_soon_threadsafe(self._start, awaitable, context, outcome, context=copy_context())
        return outcome

    def _start(self, awaitable: "Awaitable[object]", context: "Any", outcome: "Future[Outcome]") -> None:
        task = self.loop.create_task(_settle(awaitable))
        timer: "asyncio.TimerHandle | None" = None
        if self._cancel_at_deadline and context is not None:
            left = context.get_remaining_time_in_millis() / 1000 - _MARGIN
            timer = self.loop.call_later(max(left, 0.0), task.cancel)

        def tell(task: "asyncio.Task[Outcome]") -> None:
            result, raised = (None, asyncio.CancelledError()) if task.cancelled() else task.result()
            if timer is not None:
                timer.cancel()
                if timer.when() <= self.loop.time() and isinstance(raised, asyncio.CancelledError):
                    raised = TimeoutError(f"cancelled {_MARGIN * 1000:.0f} ms before the deadline")
            outcome.set_result((result, raised))

        task.add_done_callback(tell)


async def _offer(body: "AsyncIterable[object]", offers: "SimpleQueue[Offer | None]") -> None:
    """Offer each chunk and wait until it is taken."""
    loop = asyncio.get_running_loop()
    try:
        async for chunk in body:
            taken: "asyncio.Future[None]" = loop.create_future()
            offers.put((chunk, taken))
            await taken
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()


def _resolve(taken: "asyncio.Future[None]", error: "BaseException | None") -> None:
    if taken.done():
        return  # cancelled meanwhile
    if error is None:
        taken.set_result(None)
    else:
        taken.set_exception(error)


# Frames of these run before the handler's own and are no news to whoever reads its stack trace.
OWN = (SharedLoop.run.__code__, SharedLoop.drive.__code__, _offer.__code__)
