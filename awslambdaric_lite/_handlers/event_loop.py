"""Coroutine handlers: one event loop for the life of the process, so that connections outlive their invocation.

Loaded in init for an `async def` handler; for a plain function that returns a coroutine, at that moment.
"""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable
    from typing import Any

_MARGIN = 0.25  # seconds before the deadline, for the error to be posted


class EventLoop:
    """Runs what handlers leave to be awaited; the loop is made by whatever policy the user installed."""

    def __init__(self, warn: "Callable[[str], None]", *, cancel_at_deadline: bool = False) -> None:
        """`warn` is told, once, of tasks that outlive their invocation."""
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.own_tasks: "set[asyncio.Task[Any]]" = set()
        """Tasks of the runtime, which may outlive an invocation."""
        self._warn: "Callable[[str], None] | None" = warn
        self._cancel_at_deadline = cancel_at_deadline

    def run(self, awaitable: "Awaitable[object]", context: "Any" = None) -> object:
        """Wait for a result.

        Raises:
            BaseException: whatever the coroutine raises.
            TimeoutError: it was cancelled shortly before the deadline.
        """
        loop = self.loop
        task = loop.create_task(_settle(awaitable))
        timer = None
        if self._cancel_at_deadline and context is not None:
            left = context.get_remaining_time_in_millis() / 1000 - _MARGIN
            timer = loop.call_later(max(left, 0.0), task.cancel)
        try:
            result, raised = loop.run_until_complete(task)
        except BaseException:  # of a signal handler: it came out of the loop itself, and the task would stay in there
            task.cancel()
            loop.run_until_complete(task)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if timer is not None and timer.when() <= loop.time() and isinstance(raised, asyncio.CancelledError):
            raise TimeoutError(f"cancelled {_MARGIN * 1000:.0f} ms before the deadline") from raised
        self._look_for_leftovers()
        if raised is not None:
            raise raised
        return result

    def drive(self, body: "AsyncIterable[object]", write: "Callable[[object], None]", context: "Any" = None) -> None:
        """Write the chunks of an asynchronous body, all in one task, as its time limits and context need it."""
        self.run(_pump(body, write), context)

    def _look_for_leftovers(self) -> None:
        left = [task for task in asyncio.all_tasks(self.loop) - self.own_tasks if not task.done()]
        if not left:
            return
        closing = [task for task in left if type(task.get_coro()).__name__ == "async_generator_athrow"]
        if closing:  # the collector has found generators that nobody wants to the end: their `finally` belongs here
            self.loop.run_until_complete(asyncio.wait(closing))
            left = [task for task in left if not task.done()]
        if left and self._warn is not None:
            names = ", ".join(sorted({getattr(task.get_coro(), "__qualname__", repr(task)) for task in left}))
            warn, self._warn = self._warn, None
            warn(
                f"A background task outlives its invocation and stands still until the next one: {names}. "
                "Await it in the handler."
            )


async def _settle(awaitable: "Awaitable[object]") -> "tuple[object, BaseException | None]":
    """Catch whatever is raised: out of a task, SystemExit and KeyboardInterrupt would take the loop with them."""
    result: object = None
    raised: "BaseException | None" = None
    loop = asyncio.get_running_loop()
    try:
        result = await awaitable
    except BaseException as error:
        raised = error
    if asyncio._get_running_loop() is None:  # in a forked child; from Python 3.14 on, its tasks would not go on
        asyncio._set_running_loop(loop)
    try:
        await asyncio.sleep(0)  # what is due by now, such as the end of a closed connection, does not wait for a thaw
    except asyncio.CancelledError:
        pass  # too late: there is a result
    return result, raised


async def _pump(body: "AsyncIterable[object]", write: "Callable[[object], None]") -> None:
    try:
        async for chunk in body:
            write(chunk)
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()


# Frames of these run before the handler's own and are no news to whoever reads its stack trace.
OWN = (EventLoop.run.__code__, EventLoop.drive.__code__, _settle.__code__, _pump.__code__)
