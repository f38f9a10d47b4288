"""External extensions for tests: programs in a folder, and the trace that they write."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.extensions.lifecycle import Extensions
from awslambdaric_lite.emulator.extensions.router import Router
from awslambdaric_lite.emulator.extensions.telemetry import LOGS
from awslambdaric_lite.emulator.http.exchange import RecordedRequest
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.logs.stream import LogStream
from tests.support import extension_client
from tests.support.extension_client import ExtensionClient

from .loop_thread import LoopThread
from .runtimes import SUPPORT
from .waiting import WAIT, wait_until

HEAD = f"""#!{sys.executable} -S
import json, os, sys
sys.path.insert(0, {str(SUPPORT)!r})
from extension_client import ExtensionClient, trace
extension = ExtensionClient(os.path.basename(__file__))
"""
"""The beginning of every program."""

FOLLOW = """
extension.register(["INVOKE", "SHUTDOWN"])
trace("registered")
while True:
    event = extension.next().json()
    trace(event)
    if event["eventType"] == "SHUTDOWN":
        break
"""
"""A program that traces its events until the shutdown."""


class Programs:
    """Folder of programs, like the folder `extensions` of a layer, and their common trace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "extensions"
        self.folder.mkdir()
        self._trace = folder / "trace.jsonl"
        self.env = {extension_client.TRACE: str(self._trace)}

    def write(self, name: str, source: str = FOLLOW) -> Path:
        """Write an executable program whose source can use the client `extension` and the function `trace`."""
        program = self.folder / name
        program.write_text(HEAD + source)
        program.chmod(0o755)
        return program

    @property
    def trace(self) -> list[Any]:
        """The complete entries of the trace."""
        if not self._trace.exists():
            return []
        return [json.loads(line) for line in self._trace.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def await_trace(self, count: int) -> list[Any]:
        """Wait until the trace has this many entries; return them."""
        wait_until(lambda: len(self.trace) >= count, f"the trace has fewer than {count} entries")
        return self.trace


def local_lambda(root: Path, runtime: Sequence[str], **settings: Any) -> LocalLambda:
    """Return a local Lambda for `app.handler` with these settings; the default timeouts never pass."""
    settings = {"timeout_s": WAIT, "init_timeout_s": WAIT, **settings}
    return LocalLambda("app.handler", task_root=root, runtime=runtime, **settings)


class ExtensionServer(LoopThread):
    """Extensions and Telemetry APIs in a thread, without processes; records the calls of their observer."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.requests: list[RecordedRequest] = []
        self.calls: list[str] = []
        self.log: list[str] = []
        function = FunctionConfig("app.handler", folder)
        self.wait(self._start(function))

    async def _start(self, function: FunctionConfig) -> None:
        self.extensions = Extensions(function, "7", LogStream(self.log.append), self, None)
        others = self.extensions.applications
        self.server = HttpServer(Router(others[LOGS], others), recorded=self.requests)

    def on_extensions_registered(self) -> None:
        self.calls.append("registered")

    def on_extensions_ready(self) -> None:
        self.calls.append("ready")

    def on_extension_failed(self) -> None:
        self.calls.append("failed")

    def client(self, name: str = "inner") -> ExtensionClient:
        """Return an extension with this name."""
        return ExtensionClient(name, self.server.address)

    def polls(self) -> int:
        """Return the number of requests for the next event."""
        return sum(request.complete and request.path.endswith("/event/next") for request in self.requests)

    def close(self) -> None:
        """Close the APIs and stop their thread."""
        self.wait(self.extensions.close())
        self.run(self.server.close)
        self.stop()
