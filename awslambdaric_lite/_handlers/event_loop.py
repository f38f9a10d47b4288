"""The event loop of coroutine handlers: one for the whole process, so that connections outlive their invocation.

Loaded in init for an `async def` handler, else when a plain function returns a coroutine.
"""

import asyncio
import sys

from .._lifecycle.originals import posix, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable
    from typing import Any, NoReturn

    from .._context import LambdaContext

DEADLINE_MARGIN_S = 0.25  # seconds before the deadline; posting the error takes some of them


class EventLoop:
    """Runs the coroutines of handlers, in a loop that the event loop policy of user code creates."""

    def __init__(self, warn: "Callable[[str], None]", *, cancel_at_deadline: bool = False) -> None:
        """`warn` receives a text about tasks that outlive their invocation."""
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.own_tasks: set[asyncio.Task[Any]] = set()
        """Tasks of the runtime and of the application's start, which may outlive an invocation without a warning."""
        self._warn = warn
        self._warned: set[str] = set()
        self._cancel_at_deadline = cancel_at_deadline

    def run(self, awaitable: "Awaitable[object]", context: "Any" = None) -> object:
        """Wait for a result.

        Raises:
            BaseException: whatever the coroutine raises.
            TimeoutError: the coroutine was cancelled shortly before the deadline.
        """
        loop = awaitable.get_loop() if asyncio.isfuture(awaitable) else self.loop  # user code may have its own loop
        step = Step(loop, awaitable)
        late = self.run_until(step.start, step.cancel, context, loop)
        return step.result(late=late)

    def run_until(
        self,
        start: "Callable[[], asyncio.Future[Any]]",
        cancel: "Callable[[], object]",
        context: "Any" = None,
        loop: "asyncio.AbstractEventLoop | None" = None,
    ) -> bool:
        """Run the loop, or another one, until the future is done that `start` returns.

        Returns:
            Whether the deadline cancelled it.

        Raises:
            BaseException: whatever a signal handler raises; `cancel` has ended the future before.
        """
        loop = loop or self.loop
        future = start()
        timer = self.timer(loop, cancel, context)
        try:
            loop.run_until_complete(future)
        except BaseException:  # a signal handler raised it, so the loop stopped before the future was done
            cancel()
            loop.run_until_complete(future)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return timer is not None and timer.when() <= loop.time()

    def timer(
        self, loop: "asyncio.AbstractEventLoop", cancel: "Callable[[], object]", context: "Any"
    ) -> "asyncio.TimerHandle | None":
        """Start the timer that calls `cancel` shortly before the deadline, if the user has asked for it."""
        if not self._cancel_at_deadline or context is None:
            return None
        return loop.call_later(seconds_to_deadline(context), cancel)

    def drive(self, body: "AsyncIterable[object]", write: "Callable[[object], None]", context: "Any" = None) -> None:
        """Write the chunks of an asynchronous body in one task, because its timeouts and its context need that."""
        self.run(_pump(body, write), context)

    def keep_tasks(self) -> None:
        """Expect the present tasks to outlive every invocation, because the application started them in init."""
        self.own_tasks.update(asyncio.all_tasks(self.loop))

    def warn_of_forgotten_tasks(self) -> None:
        """Warn about tasks that an invocation has left behind; to be called when its response is complete."""
        left = [task for task in asyncio.all_tasks(self.loop) - self.own_tasks if not task.done()]
        if not left:
            return
        closing = [task for task in left if type(task.get_coro()).__name__ == "async_generator_athrow"]
        if closing:  # generators that were not exhausted and were collected: run their `finally` now
            self.loop.run_until_complete(asyncio.wait(closing))
        forgotten = [task for task in left if not (task.done() or _is_awaited(task) or _is_private(task))]
        names = {_name(task) for task in forgotten} - self._warned
        if names:
            self._warned |= names
            self._warn(
                "A background task outlives its invocation and is suspended until the next one: "
                f"{', '.join(sorted(names))}. Await it in the handler."
            )


def seconds_to_deadline(context: "LambdaContext") -> float:
    """Return the time until a coroutine is cancelled, by the clock that user code has not replaced."""
    left: float = context._epoch_deadline_time_in_ms / 1000 - time.time()
    return max(left - DEADLINE_MARGIN_S, 0.0)


class Step:
    """A coroutine that runs in a task of the loop until it returns."""

    def __init__(self, loop: "asyncio.AbstractEventLoop", awaitable: "Awaitable[object]") -> None:
        self._loop = loop
        self._awaitable = awaitable
        self._task: asyncio.Task[tuple[object, BaseException | None]] | None = None

    def start(self) -> "asyncio.Task[tuple[object, BaseException | None]]":
        """Start the task."""
        self._task = self._loop.create_task(settle(self._awaitable))
        return self._task

    def cancel(self) -> None:
        """Cancel the task."""
        if self._task is not None:
            self._task.cancel()

    def result(self, *, late: bool) -> object:
        """Return the coroutine's result; `late` tells that the deadline cancelled it.

        Raises:
            BaseException: whatever the coroutine raised; a TimeoutError if it was cancelled.
        """
        assert self._task is not None
        result, raised = (None, asyncio.CancelledError()) if self._task.cancelled() else self._task.result()
        if raised is not None:
            raise_from_deadline(raised, late=late)
        return result


def raise_from_deadline(raised: BaseException, *, late: bool) -> "NoReturn":
    """Raise an exception, or a TimeoutError for a cancellation at the deadline."""
    if late and isinstance(raised, asyncio.CancelledError):
        raise TimeoutError(f"cancelled {DEADLINE_MARGIN_S * 1000:.0f} ms before the deadline") from raised
    raise raised


def _name(task: "asyncio.Task[Any]") -> str:
    """Return the name that user code gave to a task, else the name of its coroutine function."""
    name = task.get_name()
    if name.startswith("Task-") and name[5:].isdigit():  # asyncio's default
        return getattr(task.get_coro(), "__qualname__", name)
    return name


def _is_awaited(task: "asyncio.Task[Any]") -> bool:
    """Return whether a task group or another task waits for a task, so that it is not forgotten."""
    for callback, _ in getattr(task, "_callbacks", None) or ():
        waiter = getattr(callback, "__self__", None)
        module = getattr(callback, "__module__", None) or type(callback).__module__
        if isinstance(waiter, asyncio.Task) or module.partition(".")[0] in ("_asyncio", "anyio", "asyncio"):
            return True
    return False


def _is_private(task: "asyncio.Task[Any]") -> bool:
    """Return whether a library, or the runtime, started a task for itself.

    Users do not call the private and the local functions of a library.
    """
    coroutine = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None:
        return False
    module: str = frame.f_globals.get("__name__", "")
    if module.startswith(__name__.partition(".")[0] + "."):
        return True  # e.g. of a shutdown hook
    if not any(part.startswith(("_", "<")) for part in (*module.split("."), *coroutine.__qualname__.split("."))):  # type: ignore[union-attr]
        return False
    package = module.partition(".")[0]
    path = getattr(sys.modules.get(package), "__file__", None) or ""
    folder = path.removesuffix("/__init__.py").rpartition("/")[0]
    if folder.endswith(("/site-packages", "/dist-packages")):
        return True
    try:
        names = posix.listdir(folder)
    except OSError:
        return False
    return any(name.endswith(".dist-info") and name.partition("-")[0].lower() == package.lower() for name in names)


def restore_running_loop(loop: "asyncio.AbstractEventLoop") -> None:
    """Let the task that has forked go on in the child: from Python 3.14 on, a fork resets the loop and the task."""
    if _running_loop() is None:
        getattr(asyncio, "_set_running_loop", _ignore)(loop)
        swap = getattr(asyncio.tasks, "_swap_current_task", None)
        if swap is not None and _forking:
            swap(loop, _forking[0])


def _running_loop() -> "asyncio.AbstractEventLoop | None":
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _ignore(loop: "asyncio.AbstractEventLoop") -> None:
    """Leave the loop as it is, in a Python that cannot set it: the child then exits with an error."""


_forking: "list[asyncio.Task[Any]]" = []  # the task that forks


def _remember_task() -> None:
    _forking[:] = [] if _running_loop() is None else filter(None, [asyncio.current_task()])


posix.register_at_fork(before=_remember_task)


async def settle(awaitable: "Awaitable[object]") -> "tuple[object, BaseException | None]":
    """Await and return result and exception, because SystemExit in a task would stop the loop."""
    result: object = None
    raised: BaseException | None = None
    loop = asyncio.get_running_loop()
    try:
        result = await awaitable
    except BaseException as error:
        raised = error
    await run_due_callbacks(loop)
    return result, raised


async def run_due_callbacks(loop: "asyncio.AbstractEventLoop") -> None:
    """Run callbacks that are due before a freeze, e.g. of a closed connection."""
    restore_running_loop(loop)
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        pass  # the result exists already


async def _pump(body: "AsyncIterable[object]", write: "Callable[[object], None]") -> None:
    try:
        async for chunk in body:
            write(chunk)
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
