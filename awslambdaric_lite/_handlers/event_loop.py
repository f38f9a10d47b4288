"""The event loop of coroutine handlers: one for the whole process, so that connections outlive their invocation.

Loaded in init for an `async def` handler, else when a plain function returns a coroutine.
"""

import asyncio

from .._lifecycle.originals import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable
    from typing import Any

    from .._context import LambdaContext

DEADLINE_MARGIN_S = 0.25  # seconds before the deadline; posting the error takes some of them


class EventLoop:
    """Runs the coroutines of handlers, in a loop that the event loop policy of user code creates."""

    def __init__(self, warn: "Callable[[str], None]", *, cancel_at_deadline: bool = False) -> None:
        """`warn` receives one text about tasks that outlive their invocation."""
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.own_tasks: set[asyncio.Task[Any]] = set()
        """Tasks of the runtime, which may outlive an invocation without a warning."""
        self._warn: Callable[[str], None] | None = warn
        self._cancel_at_deadline = cancel_at_deadline

    def run(self, awaitable: "Awaitable[object]", context: "Any" = None) -> object:
        """Wait for a result.

        Raises:
            BaseException: whatever the coroutine raises.
            TimeoutError: the coroutine was cancelled shortly before the deadline.
        """
        loop = awaitable.get_loop() if asyncio.isfuture(awaitable) else self.loop  # user code may have its own loop
        task = loop.create_task(settle(awaitable))
        timer = None
        if self._cancel_at_deadline and context is not None:
            timer = loop.call_later(seconds_to_deadline(context), task.cancel)
        try:
            result, raised = loop.run_until_complete(task)
        except BaseException:  # a signal handler raised it, so the loop stopped while the task was still in it
            task.cancel()
            loop.run_until_complete(task)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if timer is not None and timer.when() <= loop.time() and isinstance(raised, asyncio.CancelledError):
            raise TimeoutError(f"cancelled {DEADLINE_MARGIN_S * 1000:.0f} ms before the deadline") from raised
        self._look_for_leftovers()
        if raised is not None:
            raise raised
        return result

    def drive(self, body: "AsyncIterable[object]", write: "Callable[[object], None]", context: "Any" = None) -> None:
        """Write the chunks of an asynchronous body in one task, because its timeouts and its context need that."""
        self.run(_pump(body, write), context)

    def _look_for_leftovers(self) -> None:
        left = [task for task in asyncio.all_tasks(self.loop) - self.own_tasks if not task.done()]
        if not left:
            return
        closing = [task for task in left if type(task.get_coro()).__name__ == "async_generator_athrow"]
        if closing:  # generators that were not exhausted and were collected: run their `finally` now
            self.loop.run_until_complete(asyncio.wait(closing))
            left = [task for task in left if not task.done()]
        if left and self._warn is not None:
            names = ", ".join(sorted({getattr(task.get_coro(), "__qualname__", repr(task)) for task in left}))
            warn, self._warn = self._warn, None
            warn(
                f"A background task outlives its invocation and is suspended until the next one: {names}. "
                "Await it in the handler."
            )


def seconds_to_deadline(context: "LambdaContext") -> float:
    """Return the time until a coroutine is cancelled, by the clock that user code has not replaced."""
    left: float = context._epoch_deadline_time_in_ms / 1000 - time.time()
    return max(left - DEADLINE_MARGIN_S, 0.0)


async def settle(awaitable: "Awaitable[object]") -> "tuple[object, BaseException | None]":
    """Await and return result and exception, because SystemExit in a task would stop the loop."""
    result: object = None
    raised: BaseException | None = None
    loop = asyncio.get_running_loop()
    try:
        result = await awaitable
    except BaseException as error:
        raised = error
    if asyncio._get_running_loop() is None:  # in a forked child; from Python 3.14 on, its tasks would not go on
        asyncio._set_running_loop(loop)
    try:
        await asyncio.sleep(0)  # run callbacks that are due, e.g. of a closed connection, before a freeze
    except asyncio.CancelledError:
        pass  # the result exists already
    return result, raised


async def _pump(body: "AsyncIterable[object]", write: "Callable[[object], None]") -> None:
    try:
        async for chunk in body:
            write(chunk)
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
