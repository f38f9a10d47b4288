"""A function behind its URL, for callers who speak HTTP."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import urllib3

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.frontend.url import FunctionUrl, InvokeMode
from awslambdaric_lite.emulator.frontend.url_cors import Cors
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.http.server import HttpServer

STREAMING_RUNTIME = [sys.executable, "-S", str(Path(__file__).parents[1] / "support" / "streaming_runtime.py")]
WAIT = 60.0  # seconds after which a test that waits for something has failed
WAIT_FOR = """
import os, time

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.005)
"""
"""For handlers that wait until the test has made a file in their folder."""
T = TypeVar("T")


def await_file(path: Path) -> None:
    """Wait until a handler has made a file."""
    deadline = time.monotonic() + WAIT
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} was not made"
        time.sleep(0.005)


class ServedUrl:
    """A host and its function URL in an event loop of their own, in a `with` block."""

    def __init__(
        self,
        function: FunctionConfig,
        *,
        invoke_mode: InvokeMode = "BUFFERED",
        qualifier: str | None = None,
        cors: Cors | None = None,
    ) -> None:
        self.lines: list[str] = []
        """Everything logged, in order."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.host = FunctionHost(function, self.lines.append)

        async def start() -> None:
            await self.host.start()
            self.application = FunctionUrl(self.host, invoke_mode=invoke_mode, qualifier=qualifier, cors=cors)
            self.server = HttpServer(self.application)

        self.run(start)
        self._pool = urllib3.HTTPConnectionPool(
            self.server.host, self.server.port, maxsize=20, retries=False, timeout=WAIT
        )

    def __enter__(self) -> ServedUrl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        async def finish() -> None:
            await self.host.close()
            await self.application.close()
            self.server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)  # the transports' own good-byes

        self._pool.close()
        self.run(finish)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call something in the loop and wait for it."""

        async def inside() -> T:
            return await call()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(WAIT)

    def request(
        self, method: str, target: str = "/", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Ask and read the whole answer."""
        return self._pool.urlopen(method, target, body, headers, redirect=False)

    def stream(self, target: str = "/") -> urllib3.BaseHTTPResponse:
        """Ask and read the head of the answer."""
        return self._pool.urlopen("GET", target, preload_content=False, redirect=False)
