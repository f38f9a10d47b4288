"""Asynchronous invocations: the queue of events without a waiting caller.

It retries events, drops old ones and records their outcomes. Source: "How Lambda handles errors and retries
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
from ..results import FunctionOutcome, Invocation
from .destinations import Condition, append_line, invocation_record

_RETRY_DELAYS_S = (60.0, 120.0)  # after the first and the second function error
_FIRST_BACKOFF_S = 1.0  # after a throttle; doubled each time
_MAX_BACKOFF_S = 300.0
_MIN_BACKOFF_S = 0.01  # whatever the scale: the pause between attempts to invoke a busy function
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True)
class AsyncOptions:
    """Settings of retries and of the files that receive a line of JSON for each event.

    Raises:
        InvalidFunction: a setting is outside of Lambda's limits, or a file's folder does not exist.
    """

    maximum_retry_attempts: int = 2
    maximum_event_age_s: float = 21600
    """AWS requires at least 60."""
    retry_delay_scale: float = 1.0
    """1 waits as AWS does: 1 and 2 minutes after function errors, 1 s to 5 minutes after throttles."""
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
    """Queue that runs its events in the host's event loop, up to the function's concurrency."""

    def __init__(self, host: FunctionHost, options: AsyncOptions | None = None) -> None:
        self._host = host
        self._options = options or AsyncOptions()
        self._slots = asyncio.Semaphore(host.function.capacity)
        self._events: set[_Event] = set()  # without an outcome yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._closed = False

    def __len__(self) -> int:
        """The number of events that wait, run or will be retried."""
        return len(self._events)

    @property
    def waiting(self) -> int:
        """The number of events that wait for their first attempt or for a retry."""
        return len(self._events) - self._running

    def put(self, invocation: Invocation) -> None:
        """Add an event. Each attempt has the request id of `invocation` and a new attempt id.

        Raises:
            FunctionUnavailable: the function cannot run here.
            LocalLambdaClosed: the queue was closed.
        """
        self._host.require_available()
        if self._closed:
            raise LocalLambdaClosed("the local Lambda was closed")
        event = _Event(invocation, self._options)
        self._events.add(event)
        task = asyncio.get_running_loop().create_task(self._run(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Wait until no event waits, runs or will be retried."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> int:
        """Refuse and start no more events; return the number of lost events, including the running ones."""
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
        """Run the event once, after its delay; return None if it will be retried."""
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
        except Exception:  # throttled, or a failure of the emulator, which AWS retries likewise
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
    """One event in the queue, with its previous attempts."""

    def __init__(self, invocation: Invocation, options: AsyncOptions) -> None:
        self.invocation = invocation
        self.invoke_count = 0
        self.answer: FunctionOutcome | None = None
        self.delay_s = 0.0
        self._options = options
        self._throttles = 0
        self._too_old_at = time.monotonic() + options.maximum_event_age_s

    @property
    def remaining_s(self) -> float:
        """The seconds that the event may stay in the queue."""
        return self._too_old_at - time.monotonic()

    def next_attempt(self) -> Invocation:
        """Return the next attempt of the event."""
        return dataclasses.replace(self.invocation, attempt_id=str(uuid.uuid4()), answered=Future(), completed=Future())

    def answered(self, answer: FunctionOutcome) -> Condition | None:
        """Record an outcome; decide whether the event is retried, and when."""
        self.answer = answer
        self.invoke_count += 1
        if answer.error is None:
            return "Success"
        if self.invoke_count > self._options.maximum_retry_attempts:
            return "RetriesExhausted"
        self.delay_s = _RETRY_DELAYS_S[self.invoke_count - 1] * self._options.retry_delay_scale
        return "EventAgeExceeded" if self.delay_s >= self.remaining_s else None

    def not_run(self) -> Condition | None:
        """Delay the event after a failed start, longer each time, up to the event's maximum age."""
        backoff = min(_FIRST_BACKOFF_S * 2**self._throttles, _MAX_BACKOFF_S) * self._options.retry_delay_scale
        self._throttles += 1
        self.delay_s = max(min(backoff, self.remaining_s), _MIN_BACKOFF_S)
        return None


async def _outcome(future: Future[_T]) -> _T:
    """Wait for the invocation's future without cancelling it."""
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # no task may read it later
    return await asyncio.shield(waiting)
