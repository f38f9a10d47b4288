"""A listener for telemetry that can be told how to behave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from awslambdaric_lite.emulator.http.exchange import Exchange
from awslambdaric_lite.emulator.http.server import HttpServer

from .harness import WAIT


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = asyncio.get_running_loop().time() + WAIT
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.002)


class TelemetryListener:
    """An HTTP listener that keeps the batches it accepted; made in the event loop of the test."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.paths: list[str] = []
        self.attempts = 0
        self.statuses: list[int] = []
        """What to answer to the next requests; 200 when there is none left."""
        self.answering = asyncio.Event()
        self.answering.set()
        self._server = HttpServer(self)
        self.port = self._server.port
        self.url = f"http://sandbox.localdomain:{self.port}/telemetry?from=test"
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Listen no more."""
        for task in self._tasks:
            task.cancel()
        self._server.close()
        await asyncio.sleep(0.01)

    def on_head(self, exchange: Exchange) -> None:
        """Take any."""

    def on_body(self, exchange: Exchange) -> None:
        """Answer, now or later."""
        self.attempts += 1
        task = asyncio.get_running_loop().create_task(self._answer(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, exchange: Exchange) -> None:
        await self.answering.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        if status < 400:
            assert exchange.request.header("content-type") == "application/json"
            self.paths.append(exchange.request.path)
            self.batches.append(json.loads(bytes(exchange.body)))
        exchange.respond(status, [], b"")

    def on_truncated(self, exchange: Exchange) -> None:
        """Nothing to keep."""

    def on_lost(self, exchange: Exchange) -> None:
        """Nothing to do."""
