"""External extensions for tests: programs written to a folder, and what they left in their trace."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.extensions.lifecycle import Extensions
from awslambdaric_lite.emulator.extensions.router import Router
from awslambdaric_lite.emulator.extensions.telemetry import LOGS
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.logs.stream import LogStream
from tests.support import extension_client
from tests.support.extension_client import ExtensionClient

from .harness import WAIT

T = TypeVar("T")
SUPPORT = Path(extension_client.__file__).parent

HEAD = f"""#!{sys.executable} -S
import json, os, sys
sys.path.insert(0, {str(SUPPORT)!r})
from extension_client import ExtensionClient, trace
extension = ExtensionClient(os.path.basename(__file__))
"""
"""How every program begins."""

FOLLOW = """
extension.register(["INVOKE", "SHUTDOWN"])
trace("registered")
while True:
    event = extension.next().json()
    trace(event)
    if event["eventType"] == "SHUTDOWN":
        break
"""
"""A well-behaved program that takes note of its events."""


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def gone(pid: int) -> bool:
    """Whether no process has this id."""
    return not Path(f"/proc/{pid}").exists()


class Programs:
    """A folder of programs, like the `extensions` folder of a layer, and the trace that they share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "extensions"
        self.folder.mkdir()
        self._trace = folder / "trace.jsonl"
        self.env = {extension_client.TRACE: str(self._trace)}

    def write(self, name: str, source: str = FOLLOW) -> Path:
        """Write an executable program; `extension` in its source is its client, `trace` writes to the trace."""
        program = self.folder / name
        program.write_text(HEAD + source)
        program.chmod(0o755)
        return program

    @property
    def trace(self) -> list[Any]:
        """What has been traced up to now."""
        if not self._trace.exists():
            return []
        return [json.loads(line) for line in self._trace.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def await_trace(self, count: int) -> list[Any]:
        """Wait until there are so many entries."""
        deadline = time.monotonic() + WAIT
        while len(self.trace) < count:
            assert time.monotonic() < deadline, f"waited for {count} entries, there are {self.trace}"
            time.sleep(0.005)
        return self.trace


class Gate:
    """A named pipe: who opens it for reading waits for `open`."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        self.wait = f"open({str(self.path)!r}).read()"
        """The statement that waits, for the source of a program."""

    def open(self) -> None:
        """Let one waiting program go on; waits for it to come."""
        with open(self.path, "w"):
            pass


def local_lambda(root: Path, runtime: Sequence[str], **settings: Any) -> LocalLambda:
    """A local Lambda for `app.handler` with any settings of its configuration; time is no matter unless they say so."""
    settings = {"timeout_s": WAIT, "init_timeout_s": WAIT, **settings}
    return LocalLambda("app.handler", task_root=root, runtime=runtime, **settings)


class ExtensionServer:
    """The APIs of extensions without processes, served from a thread; takes note of what the observer is told."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.log: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        function = FunctionConfig("app.handler", folder)
        self.run(self._start(function))

    async def _start(self, function: FunctionConfig) -> None:
        self.extensions = Extensions(function, "7", LogStream(self.log.append), self, None)
        others = self.extensions.applications
        self.server = HttpServer(Router(others[LOGS], others))

    def on_extensions_registered(self) -> None:
        self.told.append("registered")

    def on_extensions_ready(self) -> None:
        self.told.append("ready")

    def on_extension_failed(self) -> None:
        self.told.append("failed")

    def client(self, name: str = "inner") -> ExtensionClient:
        """An extension of that name."""
        return ExtensionClient(name, self.server.address)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT)

    def states(self) -> list[str]:
        """How the extensions stand, the external ones first."""
        return [extension.state.value for extension in self.extensions._registry]

    def call(self, function: Callable[[], T]) -> T:
        """Call something there."""

        async def inside() -> T:
            return function()

        return self.run(inside())

    def close(self) -> None:
        """End everything."""

        async def finish() -> None:
            await self.extensions.close()
            self.server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)

        self.run(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
