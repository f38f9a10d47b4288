"""The timeout dump: owns writing stacks to standard error shortly before the deadline.

Loaded if `AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS` is set. The C thread of `faulthandler` writes the stacks of all threads
without the interpreter's lock; the event loop writes the stacks of its tasks.
"""

import faulthandler

from .._report import is_own
from .originals import posix, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from collections.abc import Callable
    from typing import Any

    from .._client import LambdaRuntimeClient

_STDERR = 2  # the descriptor: user code may have replaced sys.stderr


class TimeoutDump:
    """The timer of the dump: armed when the handler is called, disarmed before a reply is sent or the next poll.

    A timer that stays armed would dump after a thaw, because its clock runs on while the environment is frozen.
    """

    def __init__(
        self, client: "LambdaRuntimeClient", before_ms: int, loop: "Callable[[], AbstractEventLoop | None]"
    ) -> None:
        """`loop` returns the event loop of coroutine handlers, None without one."""
        self._before_ms = before_ms
        self._loop = loop
        self._timer: TimerHandle | None = None
        self._due = 0.0
        for name in ("post_reply", "wait_next_invocation"):  # a poll may leave with a reply
            setattr(client, name, self._disarming(client, name))
        # A forked child has no such thread, and CPython would wait for it when the child exits.
        posix.register_at_fork(before=faulthandler.cancel_dump_traceback_later, after_in_parent=self._rearm_after_fork)

    def _disarming(self, client: "LambdaRuntimeClient", name: str) -> "Callable[..., Any]":
        """Return a method that disarms the timer first.

        It looks the original up in the class at each call, because tools may replace the original at any time.
        """

        def disarm_first(*arguments: "Any", **named: "Any") -> "Any":
            self.disarm()
            return getattr(type(client), name)(client, *arguments, **named)

        return disarm_first

    def watch(self, handler: "Callable[[object, Any], object]") -> "Callable[[object, Any], object]":
        """Return a handler that arms the timer first."""

        def watched(event: object, context: "Any") -> object:
            self.arm(context)
            return handler(event, context)

        return watched

    def arm(self, context: "Any") -> None:
        """Dump before the deadline of an invocation, unless less time is left."""
        left_ms = context._epoch_deadline_time_in_ms - int(time.time() * 1000) - self._before_ms
        if left_ms <= 0:
            return
        self._due = time.monotonic() + left_ms / 1000
        faulthandler.dump_traceback_later(left_ms / 1000, file=_STDERR)
        loop = self._loop()
        if loop is not None:
            self._timer = loop.call_later(left_ms / 1000, _dump_tasks, loop)

    def disarm(self) -> None:
        """Cancel the dump."""
        if not self._due:
            return
        self._due = 0.0
        faulthandler.cancel_dump_traceback_later()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rearm_after_fork(self) -> None:
        left = self._due - time.monotonic()
        if left > 0:
            faulthandler.dump_traceback_later(left, file=_STDERR)


def _dump_tasks(loop: "AbstractEventLoop") -> None:
    """Write the stack of each task of the loop, in faulthandler's format. The loop itself calls this function."""
    import asyncio

    lines: list[str] = []
    for task in asyncio.all_tasks(loop):
        lines.append(f"Task {task.get_name()} (most recent await last):")
        awaited: object = task.get_coro()
        while awaited is not None:
            frame = _first(awaited, ("cr_frame", "ag_frame", "gi_frame"))
            hidden = frame is not None and is_own(frame)
            if frame is not None and not hidden:
                lines.append(f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}')
            awaited = _first(awaited, ("cr_await", "ag_await", "gi_yieldfrom"))
            if awaited is not None and hidden:  # a streamed generator: the object for its next step has no frame
                awaited = frame.f_locals.get("body") or awaited  # pyright: ignore[reportOptionalMemberAccess]
    try:
        posix.write(_STDERR, "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    except OSError:
        pass  # user code closed it


def _first(awaitable: object, names: "tuple[str, ...]") -> "Any":
    """Return the first of these attributes that a coroutine or a generator of either kind has."""
    return next((value for name in names if (value := getattr(awaitable, name, None)) is not None), None)
