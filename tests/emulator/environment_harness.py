"""For tests of execution environments: a host in the test's own event loop, and handlers that can be held."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.results import Completion, Invocation, InvocationOutcome

from .harness import WAIT

HELD = """
import os
def handler(event, context):
    if event.get("gate"):
        print("held", flush=True)
        open(event["gate"]).read()
    return {"event": event, "pid": os.getpid(), "env": dict(os.environ)}
"""
"""A handler that waits at the named pipe that the event names, if it names one."""


class Gate:
    """A named pipe. Who opens it for reading waits until it is opened."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate"
        os.mkfifo(self.path)

    async def open(self) -> None:
        """Let those who wait go on; waits for the first of them to come."""
        descriptor = -1

        def opened() -> bool:
            nonlocal descriptor
            try:
                descriptor = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody waits
                return False
            return True

        await until(opened)
        os.close(descriptor)


class Running:
    """A host that runs, and what it has logged."""

    def __init__(self, host: FunctionHost, lines: list[str]) -> None:
        self.host = host
        self.lines = lines

    def submit(self, event: object = None, *, qualifier: str | None = None, queue: bool = False) -> Invocation:
        """Ask for an invocation."""
        version, arn = self.host.function.resolve(qualifier)
        invocation = Invocation(json.dumps(event or {}).encode(), version=version, arn=arn)
        self.host.submit(invocation, queue=queue)
        return invocation

    async def invoke(self, event: object = None, **how: Any) -> tuple[Any, Completion]:
        """Invoke and wait until all is over; the answer's payload is parsed."""
        invocation = self.submit(event, **how)
        answer = await answered(invocation)
        return json.loads(answer.payload), await completed(invocation)

    async def held(self, count: int = 1) -> None:
        """Wait until so many invocations are being held."""
        await until(lambda: self.lines.count("held") == count)

    async def printed(self, beginning: str, count: int) -> None:
        """Wait until there are so many lines that begin so."""
        await until(lambda: sum(line.startswith(beginning) for line in self.lines) == count)


@asynccontextmanager
async def running(root: Path, runtime: Sequence[str], **settings: Any) -> AsyncIterator[Running]:
    """A host for `app.handler` with any settings; unless they say so, time is no matter."""
    lines: list[str] = []
    settings = {"timeout_s": WAIT, "init_timeout_s": WAIT, **settings}
    host = FunctionHost(FunctionConfig("app.handler", root, runtime=runtime, **settings), lines.append)
    try:
        await host.start()
        yield Running(host, lines)
    finally:
        await host.close()
        await asyncio.sleep(0)  # for the connections to be closed, too


async def answered(invocation: Invocation) -> InvocationOutcome:
    """Wait for the answer."""
    return await asyncio.wait_for(asyncio.wrap_future(invocation.answered), WAIT)


async def completed(invocation: Invocation) -> Completion:
    """Wait for the end."""
    return await asyncio.wait_for(asyncio.wrap_future(invocation.completed), WAIT)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that will happen; a test whose condition never comes fails."""
    limit = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < limit, f"it did not happen within {WAIT:g} s"
        await asyncio.sleep(0.002)


def state_of(pid: int) -> str:
    """The kernel's letter for what a process does (`T`: stopped); empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs. (A killed grandchild stays a zombie until its new parent waits for it.)"""
    return state_of(pid) not in ("", "Z")
