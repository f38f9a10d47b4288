"""Functions on Managed Instances for tests: handlers that wait for each other, and the runtimes that run them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import InvokeResult, LocalLambda
from tests.emulator import runtimes
from tests.emulator.waiting import WAIT, wait_until

MEETING = """
import asyncio, json, logging, os, sys, threading, time

def absent(event):
    # Announce this invocation, and yield while others are missing.
    if "meet" in event:
        open(os.path.join(event["meet"], event["name"]), "w").close()
        while len(os.listdir(event["meet"])) < event["count"]:
            yield

def answer(event, context):
    if event.get("die"):
        os._exit(event["die"])
    return {"name": event.get("name"), "id": context.aws_request_id, "pid": os.getpid(), "env": dict(os.environ)}
"""
"""The beginning of `app.py`."""

HANDLER = (
    MEETING
    + """
def handler(event, context):
    if "body" in event:  # from the function URL
        event = json.loads(event["body"])
    logging.getLogger().error("begins %s", event.get("name"))
    for _ in absent(event):
        time.sleep(0.002)
    logging.getLogger().error("ends %s", event.get("name"))
    return answer(event, context)
"""
)
"""A handler that waits for the other invocations of its event, and exits if the event says so."""

ASYNC_HANDLER = HANDLER.replace("def handler", "async def handler").replace("time.sleep", "await asyncio.sleep")


class Runtime:
    """Runtime command with the source and variables that it needs."""

    def __init__(self, name: str, command: Sequence[str] | None, source: str, env: dict[str, str]) -> None:
        self.name = name
        self.source = source
        self.settings: dict[str, Any] = {"runtime": command, "env": env}


PROCESSES = Runtime("processes", None, HANDLER, {})
ASYNCIO = Runtime("asyncio", None, ASYNC_HANDLER, {"AWSLAMBDARIC_LITE_CONCURRENCY_MODE": "asyncio"})
AWSLAMBDARIC = Runtime("awslambdaric", runtimes.AWSLAMBDARIC, HANDLER, {})
OFFICIAL = pytest.param(AWSLAMBDARIC, id="awslambdaric", marks=runtimes.needs_awslambdaric)
EACH = [pytest.param(PROCESSES, id="processes"), pytest.param(ASYNCIO, id="asyncio"), OFFICIAL]


class Fleet:
    """Function with concurrent callers, and the lines that it has logged."""

    def __init__(self, function: LocalLambda, root: Path, callers: ThreadPoolExecutor, lines: list[str]) -> None:
        self.function = function
        self.lines = lines
        self._root = root
        self._callers = callers
        self._meetings = itertools.count()

    def call(self, event: object = None, **how: Any) -> Future[InvokeResult]:
        """Start an invocation."""
        return self._callers.submit(self.function.invoke, event, **how)

    def meeting(self, count: int) -> dict[str, Any]:
        """Return an event whose invocations wait until this many of them, with different names, run."""
        folder = self._root / f"meeting-{next(self._meetings)}"
        folder.mkdir()
        return {"meet": str(folder), "count": count}

    def meet(self, count: int, **more: object) -> list[InvokeResult]:
        """Run this many concurrent invocations, each of which waits for all others."""
        event = self.meeting(count)
        calls = [self.call({**event, **more, "name": f"n{number}"}) for number in range(count)]
        return [call.result(WAIT) for call in calls]

    def joined(self, event: dict[str, Any], count: int) -> None:
        """Wait until this many invocations of the event run."""
        wait_until(lambda: len(list(Path(event["meet"]).iterdir())) >= count)

    def records(self) -> list[dict[str, Any]]:
        """Return the lines that are JSON."""
        return records("\n".join(self.lines))


@contextmanager
def fleet(root: Path, runtime: Runtime, source: str | None = None, **settings: Any) -> Iterator[Fleet]:
    """Run `app.handler` with these settings."""
    (root / "app.py").write_text(runtime.source if source is None else source)
    lines: list[str] = []
    settings = {"managed_concurrency": 4, "timeout_s": 60.0, **runtime.settings, **settings}
    with (
        ThreadPoolExecutor(32) as callers,  # closed after the function, which completes their calls
        LocalLambda("app.handler", task_root=root, on_log=lines.append, **settings) as function,
    ):
        yield Fleet(function, root, callers, lines)


def records(text: str) -> list[dict[str, Any]]:
    """Return the lines of a log that are JSON objects."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def platform(text: str, kind: str) -> list[dict[str, Any]]:
    """Return the `record` of each platform event of this kind."""
    return [record["record"] for record in records(text) if record.get("type") == f"platform.{kind}"]
