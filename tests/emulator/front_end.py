"""A function behind the Lambda API, for callers who speak HTTP."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.frontend.asynchronous import AsynchronousQueue, AsyncOptions
from awslambdaric_lite.emulator.frontend.invoke_api import InvokeApi
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.http.server import HttpServer

WAIT = 60.0  # seconds after which a test that waits for something has failed
T = TypeVar("T")


def await_that(condition: Callable[[], object]) -> None:
    """Wait until something is the case."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


class FrontEnd:
    """A host and its Lambda API in an event loop of their own, until `close`."""

    def __init__(self, function: FunctionConfig, options: AsyncOptions | None = None) -> None:
        self.lines: list[str] = []
        """Everything logged, in order."""
        self._options = options
        self._clients: list[Any] = []
        self._responses: list[Any] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.lost: int | None = None
        """How many events were lost by closing."""
        self.host = FunctionHost(function, self.lines.append)
        self.run(self._start)

    async def _start(self) -> None:
        await self.host.start()
        self.queue = AsynchronousQueue(self.host, self._options)
        self.api = InvokeApi(self.host, self.queue)
        self.server = HttpServer(self.api)

    def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call something in the loop and wait for it."""

        async def inside() -> T:
            return await asyncio.wait_for(call(), WAIT)

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result()

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{self.server.address}"

    @property
    def busy(self) -> bool:
        """Whether an invocation runs."""
        return bool(self.host._running)

    def client(self) -> Any:
        """A boto3 client that asks once only."""
        config = Config(retries={"total_max_attempts": 1}, read_timeout=WAIT, max_pool_connections=50)
        client = boto3.client(
            "lambda",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )
        client.meta.events.register("after-call.lambda", self._keep)
        self._clients.append(client)
        return client

    def _keep(self, http_response: Any, **_: Any) -> None:
        self._responses.append(http_response.raw)

    def close_function(self) -> int:
        """Close all but the server; return the number of events lost."""

        async def finish() -> int:
            lost = await self.queue.close()
            await self.host.close()
            await self.api.close()
            return lost

        if self.lost is None:
            self.lost = self.run(finish)
        return self.lost

    def close(self) -> None:
        """Close everything."""

        async def finish() -> None:
            self.server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)  # the transports' own good-byes

        for each in (*self._responses, *self._clients):  # a response that was not read to its end holds a connection
            each.close()
        self.close_function()
        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(WAIT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
