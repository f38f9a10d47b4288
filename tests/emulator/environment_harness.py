"""Execution environments in the event loop of a test, and handlers that wait for the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.results import Completion, FunctionOutcome, Invocation

from .waiting import WAIT, until

HELD = """
import os
def handler(event, context):
    if event.get("gate"):
        print("held", flush=True)
        open(event["gate"]).read()
    return {"event": event, "pid": os.getpid(), "env": dict(os.environ)}
"""
"""A handler that waits at the named pipe in its event, if the event has one."""


class Running:
    """Running host, and the lines that it has logged."""

    def __init__(self, host: FunctionHost, lines: list[str]) -> None:
        self.host = host
        self.lines = lines

    def submit(self, event: object = None, *, qualifier: str | None = None, queue: bool = False) -> Invocation:
        """Submit an invocation."""
        version, arn = self.host.function.resolve(qualifier)
        invocation = Invocation(json.dumps(event or {}).encode(), version=version, arn=arn)
        self.host.submit(invocation, queue=queue)
        return invocation

    async def invoke(self, event: object = None, **how: Any) -> tuple[Any, Completion]:
        """Invoke and wait for the completion; return the parsed payload and the completion."""
        invocation = self.submit(event, **how)
        answer = await answered(invocation)
        return json.loads(answer.payload), await completed(invocation)

    async def held(self, count: int = 1) -> None:
        """Wait until this many invocations wait at a gate."""
        await until(lambda: self.lines.count("held") == count)

    async def printed(self, beginning: str, count: int) -> None:
        """Wait until this many lines with the beginning have been logged."""
        await until(lambda: sum(line.startswith(beginning) for line in self.lines) == count)


@asynccontextmanager
async def running(root: Path, runtime: Sequence[str], **settings: Any) -> AsyncIterator[Running]:
    """Run a host for `app.handler` with these settings; the default timeouts never pass."""
    lines: list[str] = []
    settings = {"timeout_s": WAIT, "init_timeout_s": WAIT, **settings}
    host = FunctionHost(FunctionConfig("app.handler", root, runtime=runtime, **settings), lines.append)
    try:
        await host.start()
        yield Running(host, lines)
    finally:
        await host.close()
        await asyncio.sleep(0)  # the connections close


async def answered(invocation: Invocation) -> FunctionOutcome:
    """Wait for the response."""
    return await asyncio.wait_for(asyncio.wrap_future(invocation.answered), WAIT)


async def completed(invocation: Invocation) -> Completion:
    """Wait for the completion."""
    return await asyncio.wait_for(asyncio.wrap_future(invocation.completed), WAIT)
