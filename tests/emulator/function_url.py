"""A function with its URL, for HTTP clients."""

from __future__ import annotations

from types import TracebackType

import urllib3

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.frontend.url import FunctionUrl, InvokeMode
from awslambdaric_lite.emulator.frontend.url_cors import Cors
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.http.server import HttpServer

from .loop_thread import LoopThread
from .waiting import WAIT

WAIT_FOR = """
import os, time

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.005)
"""
"""For handlers that wait until the test has created a file in their folder."""


class ServedUrl(LoopThread):
    """Host and its function URL in an event loop of a thread, in a `with` block."""

    def __init__(
        self,
        function: FunctionConfig,
        *,
        invoke_mode: InvokeMode = "BUFFERED",
        qualifier: str | None = None,
        cors: Cors | None = None,
    ) -> None:
        super().__init__()
        self.lines: list[str] = []
        """Everything logged, in order."""
        self.host = FunctionHost(function, self.lines.append)

        async def start() -> None:
            await self.host.start()
            self.application = FunctionUrl(self.host, invoke_mode=invoke_mode, qualifier=qualifier, cors=cors)
            self.server = HttpServer(self.application)

        self.wait(start())
        self._pool = urllib3.HTTPConnectionPool(
            self.server.host, self.server.port, maxsize=20, retries=False, timeout=WAIT
        )

    def __enter__(self) -> ServedUrl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.close()
        self.wait(self.host.close())
        self.wait(self.application.close())
        self.run(self.server.close)
        self.stop()

    def request(
        self, method: str, target: str = "/", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and read the whole response."""
        return self._pool.urlopen(method, target, body, headers, redirect=False)

    def stream(self, target: str = "/") -> urllib3.BaseHTTPResponse:
        """Send a request and read the head of the response."""
        return self._pool.urlopen("GET", target, preload_content=False, redirect=False)
