"""Stacks shortly before the deadline, so that a time-out says where it hung.

Loaded where `AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS` is set. All threads' stacks come from the C watchdog of `faulthandler`,
which needs neither the interpreter's lock nor its cooperation; what coroutines wait for comes from the event loop.
"""

import faulthandler
import posix
import time

from .._report import OWN_FRAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from collections.abc import Callable
    from typing import Any

    from .._client import LambdaRuntimeClient

_STDERR = 2  # the descriptor: user code may have replaced sys.stderr


class Watchdog:
    """Armed when the handler is called, disarmed before its result leaves and, for streams, before the next poll.

    Armed any longer it would bite after a thaw: its clock goes on while the environment is frozen.
    """

    def __init__(
        self, client: "LambdaRuntimeClient", before_ms: int, loop: "Callable[[], AbstractEventLoop | None]"
    ) -> None:
        """`loop` returns the event loop of coroutine handlers, None while there is none."""
        self._before_ms = before_ms
        self._loop = loop
        self._timer: "TimerHandle | None" = None
        self._due = 0.0
        for name in ("_post", "wait_next_invocation"):  # a poll leaves with what is posted
            setattr(client, name, self._disarming(getattr(client, name)))
        # A forked child has no such thread, and CPython would wait for it at the child's end.
        posix.register_at_fork(before=faulthandler.cancel_dump_traceback_later, after_in_parent=self._go_on)

    def _disarming(self, method: "Callable[..., Any]") -> "Callable[..., Any]":
        def disarm_first(*arguments: "Any") -> "Any":
            self.disarm()
            return method(*arguments)

        return disarm_first

    def watch(self, handler: "Callable[[object, Any], object]") -> "Callable[[object, Any], object]":
        """Return the handler, watched."""

        def watched(event: object, context: "Any") -> object:
            self.arm(context.get_remaining_time_in_millis() - self._before_ms)
            return handler(event, context)

        return watched

    def arm(self, left_ms: int) -> None:
        """Dump in so many milliseconds; not at all if that moment has passed."""
        if left_ms <= 0:
            return
        self._due = time.monotonic() + left_ms / 1000
        faulthandler.dump_traceback_later(left_ms / 1000, file=_STDERR)
        loop = self._loop()
        if loop is not None:
            self._timer = loop.call_later(left_ms / 1000, _dump_tasks, loop)

    def disarm(self) -> None:
        """Do not dump any more."""
        if not self._due:
            return
        self._due = 0.0
        faulthandler.cancel_dump_traceback_later()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        left = self._due - time.monotonic()
        if left > 0:
            faulthandler.dump_traceback_later(left, file=_STDERR)


def _dump_tasks(loop: "AbstractEventLoop") -> None:
    """Write where each task of the loop waits, in faulthandler's form. The loop runs, or this would not be called."""
    import asyncio

    lines: "list[str]" = []
    for task in asyncio.all_tasks(loop):
        lines.append(f"Task {task.get_name()} (most recent await last):")
        awaited: object = task.get_coro()
        while awaited is not None:
            frame = _first(awaited, ("cr_frame", "ag_frame", "gi_frame"))
            if frame is not None and frame.f_code not in OWN_FRAMES:
                lines.append(f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}')
            awaited = _first(awaited, ("cr_await", "ag_await", "gi_yieldfrom"))
            if awaited is not None and frame is not None and "body" in frame.f_locals and frame.f_code in OWN_FRAMES:
                awaited = frame.f_locals["body"]  # a streamed generator: what stands for its next step shows nothing
    try:
        posix.write(_STDERR, "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    except OSError:
        pass  # user code closed it


def _first(awaitable: object, names: "tuple[str, ...]") -> "Any":
    """Return what a coroutine, an asynchronous generator or a generator calls one of these names."""
    return next((value for name in names if (value := getattr(awaitable, name, None)) is not None), None)
