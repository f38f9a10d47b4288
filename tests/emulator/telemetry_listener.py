"""A telemetry listener whose responses a test controls."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from awslambdaric_lite.emulator.http.exchange import Exchange
from awslambdaric_lite.emulator.http.server import HttpServer


class TelemetryListener:
    """HTTP listener that keeps accepted batches; created in the event loop of the test."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.paths: list[str] = []
        self.attempts = 0
        self.statuses: list[int] = []
        """Statuses of the next responses; then 200."""
        self.answering = asyncio.Event()
        self.answering.set()
        self._server = HttpServer(self)
        self.port = self._server.port
        self.url = f"http://sandbox.localdomain:{self.port}/telemetry?from=test"
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Close the listener."""
        for task in self._tasks:
            task.cancel()
        self._server.close()
        await asyncio.sleep(0.01)

    def on_head(self, exchange: Exchange) -> None:
        """Accept every request."""

    def on_body(self, exchange: Exchange) -> None:
        """Respond, immediately or when the test allows it."""
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
        """Ignore a truncated request."""

    def on_lost(self, exchange: Exchange) -> None:
        """Ignore a disconnected client."""
