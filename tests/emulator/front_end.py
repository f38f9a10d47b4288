"""A function with its Lambda API, for HTTP clients."""

from __future__ import annotations

from typing import Any

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.frontend.asynchronous import AsyncOptions
from awslambdaric_lite.emulator.frontend.invoke_api import InvokeApi
from awslambdaric_lite.emulator.functions.registry import FunctionEntry, Registry
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.http.server import HttpServer

from .loop_thread import LoopThread
from .sdk import lambda_client


class FrontEnd(LoopThread):
    """Host and its Lambda API in an event loop of a thread, until `close`."""

    def __init__(self, function: FunctionConfig, options: AsyncOptions | None = None) -> None:
        super().__init__()
        self.lines: list[str] = []
        """Everything logged, in order."""
        self._options = options
        self._clients: list[Any] = []
        self._responses: list[Any] = []
        self.lost: int | None = None
        """Number of events that were lost by closing."""
        self.host = FunctionHost(function, self.lines.append)
        self.wait(self._start())

    async def _start(self) -> None:
        await self.host.start()
        entry = FunctionEntry(self.host, self._options)
        self.queue = entry.queue
        self.api = InvokeApi(Registry.of_one(entry))
        self.server = HttpServer(self.api)

    @property
    def url(self) -> str:
        """URL of the API."""
        return f"http://{self.server.address}"

    @property
    def busy(self) -> bool:
        """Whether an invocation runs."""
        return self.host.pool.busy > 0

    def client(self) -> Any:
        """Return a boto3 client that does not retry."""
        client = lambda_client(self.url)
        client.meta.events.register("after-call.lambda", self._keep)
        self._clients.append(client)
        return client

    def _keep(self, http_response: Any, **_: Any) -> None:
        self._responses.append(http_response.raw)

    def close_function(self) -> int:
        """Close everything except the server; return the number of lost events."""

        async def finish() -> int:
            lost = await self.queue.close()
            await self.host.close()
            await self.api.close()
            return lost

        if self.lost is None:
            self.lost = self.wait(finish())
        return self.lost

    def close(self) -> None:
        """Close everything."""
        for each in (*self._responses, *self._clients):  # a partly read response keeps its connection open
            each.close()
        self.close_function()
        self.run(self.server.close)
        self.stop()
