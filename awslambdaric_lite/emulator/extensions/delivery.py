"""Delivery of telemetry to one subscriber: buffered, sent in batches, retried, and finally dropped.

Only the sending tasks wait for the subscriber. The timers stop while the environment is frozen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from ..logs.extension_events import LogsDropped
from ..logs.stream import TelemetryRecord
from ..logs.timestamps import now
from .destinations import DeliveryFailed, sender
from .subscription import Subscription

PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.4)  # before each attempt to deliver a batch
ATTEMPT_LIMIT_S = 2.0
_WAITING_BATCHES = 8  # without the one that is being sent; more are dropped, because they use the function's memory
_TOO_SLOW = "Some logs were dropped because the downstream consumer is slower than the logs production rate"


class Subscriber:
    """Subscriber that collects and delivers records until `close`."""

    def __init__(self, name: str, subscription: Subscription) -> None:
        self.name = name
        self._subscription = subscription
        self._sender = sender(subscription.destination)
        self._buffer: list[bytes] = []
        self._size = 0
        self._batches: deque[list[bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._worker: asyncio.Task[None] | None = None
        self._awake = asyncio.Event()
        self._awake.set()
        self._lost = _Loss()

    def add(self, record: TelemetryRecord) -> None:
        """Add a record of a subscribed type; ignore other types."""
        if record.category not in self._subscription.types:
            return
        event = record.line(as_text=self._subscription.as_text).encode("utf-8", "backslashreplace")
        self._buffer.append(event)
        self._size += len(event)
        if len(self._buffer) >= self._subscription.max_items or self._size >= self._subscription.max_bytes:
            self._dispatch()
        elif self._timer is None:
            self._start_timer()

    def pause(self) -> None:
        """Stop the timers, because the environment is being frozen."""
        self._awake.clear()
        self._stop_timer()

    def resume(self) -> None:
        """Restart the timers."""
        self._awake.set()
        if self._buffer and self._timer is None:
            self._start_timer()

    async def flush(self, limit_s: float) -> None:
        """Deliver buffered events; stop waiting after `limit_s` seconds."""
        self._dispatch()
        if self._worker is not None:
            await asyncio.wait({self._worker}, timeout=limit_s)

    async def close(self) -> None:
        """Stop the delivery; the remaining events are lost."""
        self._stop_timer()
        self._buffer.clear()
        self._batches.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        self._sender.close()

    def _start_timer(self) -> None:
        if self._awake.is_set():
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._subscription.timeout_s, self._dispatch)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _dispatch(self) -> None:
        """Make a batch of the buffered events."""
        self._stop_timer()
        if not self._buffer:
            return
        batch, self._buffer, self._size = self._buffer, [], 0
        if len(self._batches) > _WAITING_BATCHES:
            self._lose(batch, _TOO_SLOW)
            return
        self._batches.append(batch)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._batches:
            batch = self._batches[0]  # stays there while it is sent
            lost, self._lost = self._lost, _Loss()
            reason = await self._deliver([*self._told(lost), *batch])
            self._batches.popleft()
            if reason is not None:
                self._lost.add(lost)
                self._lose(batch, f"could not send events: {reason}")

    async def _deliver(self, events: list[bytes]) -> str | None:
        """Send a batch, with retries; return the reason if the last attempt failed."""
        reason = None
        for pause in PAUSES_S:
            await asyncio.sleep(pause)
            await self._awake.wait()
            try:
                await self._attempt(events)
                return None
            except DeliveryFailed as failure:
                reason = str(failure)
        return reason

    async def _attempt(self, events: list[bytes]) -> None:
        task = asyncio.get_running_loop().create_task(self._sender.send(events))
        try:
            while True:
                done, _ = await asyncio.wait({task}, timeout=ATTEMPT_LIMIT_S)
                if done:
                    return task.result()
                if self._awake.is_set():
                    raise DeliveryFailed(f"the listener did not answer in {ATTEMPT_LIMIT_S:g} s")
                await self._awake.wait()  # a frozen listener is not too slow
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _told(self, lost: _Loss) -> list[bytes]:
        """Return the event about lost records, which is sent with the next batch."""
        if not lost.records or "platform" not in self._subscription.types:
            return []
        event = LogsDropped(lost.reason, lost.records, lost.size)
        return [TelemetryRecord(now(), event.type, event.record()).line().encode()]

    def _lose(self, batch: list[bytes], reason: str) -> None:
        self._lost.add(_Loss(len(batch), sum(map(len, batch)), reason))


@dataclass
class _Loss:
    records: int = 0
    size: int = 0
    reason: str = ""

    def add(self, other: _Loss) -> None:
        self.records += other.records
        self.size += other.size
        self.reason = other.reason or self.reason
