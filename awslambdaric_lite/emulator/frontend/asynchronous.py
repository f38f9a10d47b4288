"""Asynchronous invocations: the queue between the caller, who has left, and the function.

Owns retries, the age of events and what is recorded of them at the end. Source: "How Lambda handles errors and retries
with asynchronous invocation" of the developer guide.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import EmulatorError, InvalidFunction, LocalLambdaClosed
from ..host import FunctionHost
from ..results import Invocation, InvocationOutcome
from .destinations import Condition, append_line, invocation_record

_RETRY_DELAYS_S = (60.0, 120.0)  # after the first and the second function error
_FIRST_BACKOFF_S = 1.0  # after a throttle; doubled with each
_MAX_BACKOFF_S = 300.0
_MIN_BACKOFF_S = 0.01  # however small the scale: a busy function is not asked in a loop without a pause
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True)
class AsyncOptions:
    """How events are retried, and where the records of them go: files to which a line of JSON is appended for each.

    Raises:
        InvalidFunction: a setting is outside of what Lambda takes, or a file's folder does not exist.
    """

    maximum_retry_attempts: int = 2
    maximum_event_age_s: float = 21600
    """AWS takes 60 and more."""
    retry_delay_scale: float = 1.0
    """1 waits as long as AWS: 1 and 2 minutes after function errors, 1 s to 5 minutes after throttles."""
    on_success: Path | None = None
    on_failure: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.maximum_retry_attempts <= 2:
            raise InvalidFunction(f"{self.maximum_retry_attempts} retry attempts are out of range; Lambda takes 0 to 2")
        if not 0 < self.maximum_event_age_s <= 21600:
            raise InvalidFunction(
                f"event age {self.maximum_event_age_s:g} s is out of range; Lambda takes up to 21600 s"
            )
        if not 0 <= self.retry_delay_scale < float("inf"):
            raise InvalidFunction(f"retry delay scale {self.retry_delay_scale:g} is out of range; it is 0 or more")
        for path in (self.on_success, self.on_failure):
            if path is not None and not path.parent.is_dir():
                raise InvalidFunction(f"destination {path} cannot be written: {path.parent} is not a directory")


class AsynchronousQueue:
    """Runs the events put into it, no more at once than the function can run, from the host's event loop."""

    def __init__(self, host: FunctionHost, options: AsyncOptions | None = None) -> None:
        self._host = host
        self._options = options or AsyncOptions()
        self._slots = asyncio.Semaphore(host.function.capacity)
        self._events: set[_Event] = set()  # that nothing has become of yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._closed = False

    def __len__(self) -> int:
        """Events that wait, run or will be run again."""
        return len(self._events)

    @property
    def waiting(self) -> int:
        """Events that wait for their turn or for a retry."""
        return len(self._events) - self._running

    def put(self, invocation: Invocation) -> None:
        """Take an event. Each attempt has the request id of `invocation` and an attempt id of its own.

        Raises:
            LocalLambdaClosed: the queue was closed.
        """
        if self._closed:
            raise LocalLambdaClosed("the local Lambda was closed")
        event = _Event(invocation, self._options)
        self._events.add(event)
        task = asyncio.get_running_loop().create_task(self._run(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Wait until nothing is queued, runs or will be retried."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> int:
        """Take and start no more events; return how many are lost by that, those included that run."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return len(self._events)

    async def _run(self, event: _Event) -> None:
        try:
            while (condition := await self._attempt(event)) is None:
                await asyncio.sleep(event.delay_s)
        except LocalLambdaClosed:
            return
        if self._record(event, condition):
            self._events.remove(event)

    async def _attempt(self, event: _Event) -> Condition | None:
        """Run the event once, when its turn comes; None if it is to be tried again after its delay."""
        async with self._slots:
            self._running += 1
            try:
                return await self._attempt_now(event)
            finally:
                self._running -= 1

    async def _attempt_now(self, event: _Event) -> Condition | None:
        if event.remaining_s <= 0:
            return "EventAgeExceeded"
        attempt = event.next_attempt()
        self._host.submit(attempt)
        try:
            answer = await _outcome(attempt.answered)
        except LocalLambdaClosed:
            raise
        except Exception:  # throttled, or a failure of the emulator's own, which AWS retries alike
            return event.not_run()
        with contextlib.suppress(EmulatorError):
            await _outcome(attempt.completed)
        return event.answered(answer)

    def _record(self, event: _Event, condition: Condition) -> bool:
        path = self._options.on_success if condition == "Success" else self._options.on_failure
        if path is None:
            return True
        try:
            append_line(path, invocation_record(event.invocation, condition, event.invoke_count, event.answer))
        except OSError as error:
            _log.error("The record of request %s is lost: %s", event.invocation.request_id, error)
            return False
        return True


class _Event:
    """One event in the queue, and what has become of it so far."""

    def __init__(self, invocation: Invocation, options: AsyncOptions) -> None:
        self.invocation = invocation
        self.invoke_count = 0
        self.answer: InvocationOutcome | None = None
        self.delay_s = 0.0
        self._options = options
        self._throttles = 0
        self._too_old_at = time.monotonic() + options.maximum_event_age_s

    @property
    def remaining_s(self) -> float:
        """How long the event may stay in the queue."""
        return self._too_old_at - time.monotonic()

    def next_attempt(self) -> Invocation:
        """The same request once more."""
        return dataclasses.replace(self.invocation, attempt_id=str(uuid.uuid4()), answered=Future(), completed=Future())

    def answered(self, answer: InvocationOutcome) -> Condition | None:
        """The function has run: decide whether it runs again, and when."""
        self.answer = answer
        self.invoke_count += 1
        if answer.error is None:
            return "Success"
        if self.invoke_count > self._options.maximum_retry_attempts:
            return "RetriesExhausted"
        self.delay_s = _RETRY_DELAYS_S[self.invoke_count - 1] * self._options.retry_delay_scale
        return "EventAgeExceeded" if self.delay_s >= self.remaining_s else None

    def not_run(self) -> Condition | None:
        """The function could not be run: wait for longer each time, but not beyond the event's age."""
        backoff = min(_FIRST_BACKOFF_S * 2**self._throttles, _MAX_BACKOFF_S) * self._options.retry_delay_scale
        self._throttles += 1
        self.delay_s = max(min(backoff, self.remaining_s), _MIN_BACKOFF_S)
        return None


async def _outcome(future: Future[_T]) -> _T:
    """Wait without passing a cancellation on: the future is the invocation's."""
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be left to look at it
    return await asyncio.shield(waiting)
