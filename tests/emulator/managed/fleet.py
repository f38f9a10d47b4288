"""Functions on Managed Instances for tests: handlers that meet each other, and the runtimes that serve them."""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import InvokeResult, LocalLambda

WAIT = 60.0  # seconds after which a test that waits for something has failed

MEETING = """
import asyncio, json, logging, os, sys, threading, time

def absent(event):
    # Say that this one has come, and then whether others are missing, for as long as one is.
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
    if "body" in event:  # of the function URL
        event = json.loads(event["body"])
    logging.getLogger().error("begins %s", event.get("name"))
    for _ in absent(event):
        time.sleep(0.002)
    logging.getLogger().error("ends %s", event.get("name"))
    return answer(event, context)
"""
)
"""Waits until the others are there whom its event speaks of, and then ends the process if that asks for it."""

ASYNC_HANDLER = HANDLER.replace("def handler", "async def handler").replace("time.sleep", "await asyncio.sleep")


class Runtime:
    """A runtime command, with what is special about it."""

    def __init__(self, name: str, command: Sequence[str] | None, source: str, env: dict[str, str]) -> None:
        self.name = name
        self.source = source
        self.settings: dict[str, Any] = {"runtime": command, "env": env}


PROCESSES = Runtime("processes", None, HANDLER, {})
ASYNCIO = Runtime("asyncio", None, ASYNC_HANDLER, {"AWSLAMBDARIC_LITE_CONCURRENCY_MODE": "asyncio"})
AWSLAMBDARIC = Runtime("awslambdaric", [sys.executable, "-m", "awslambdaric", "{handler}"], HANDLER, {})
OFFICIAL = pytest.param(
    AWSLAMBDARIC,
    id="awslambdaric",
    marks=pytest.mark.skipif(importlib.util.find_spec("awslambdaric") is None, reason="awslambdaric is not installed"),
)
EACH = [pytest.param(PROCESSES, id="processes"), pytest.param(ASYNCIO, id="asyncio"), OFFICIAL]


class Fleet:
    """A function that many call at once, and what it has logged."""

    def __init__(self, function: LocalLambda, root: Path, callers: ThreadPoolExecutor, lines: list[str]) -> None:
        self.function = function
        self.lines = lines
        self._root = root
        self._callers = callers
        self._meetings = itertools.count()

    def call(self, event: object = None, **how: Any) -> Future[InvokeResult]:
        """Invoke, and do not wait for it."""
        return self._callers.submit(self.function.invoke, event, **how)

    def meeting(self, count: int) -> dict[str, Any]:
        """An event of which it takes so many with different names (`named`) until one of them is answered."""
        folder = self._root / f"meeting-{next(self._meetings)}"
        folder.mkdir()
        return {"meet": str(folder), "count": count}

    def meet(self, count: int, **more: object) -> list[InvokeResult]:
        """Invoke so many at once, none of which would be answered without all of the others."""
        event = self.meeting(count)
        calls = [self.call({**event, **more, "name": f"n{number}"}) for number in range(count)]
        return [call.result(WAIT) for call in calls]

    def joined(self, event: dict[str, Any], count: int) -> None:
        """Wait until so many have come to a meeting."""
        until(lambda: len(list(Path(event["meet"]).iterdir())) >= count)

    def records(self) -> list[dict[str, Any]]:
        """The lines that are JSON."""
        return records("\n".join(self.lines))


@contextmanager
def fleet(root: Path, runtime: Runtime, source: str | None = None, **settings: Any) -> Iterator[Fleet]:
    """Start `app.handler` with these settings."""
    (root / "app.py").write_text(runtime.source if source is None else source)
    lines: list[str] = []
    settings = {"managed_concurrency": 4, "timeout_s": 60.0, **runtime.settings, **settings}
    with (
        ThreadPoolExecutor(32) as callers,  # after the function, whose end ends their calls
        LocalLambda("app.handler", task_root=root, on_log=lines.append, **settings) as function,
    ):
        yield Fleet(function, root, callers, lines)


def records(text: str) -> list[dict[str, Any]]:
    """The lines of a log that are JSON objects."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def platform(text: str, kind: str) -> list[dict[str, Any]]:
    """The `record` of each event of the platform of that kind."""
    return [record["record"] for record in records(text) if record.get("type") == f"platform.{kind}"]


def until(condition: Callable[[], object]) -> None:
    """Wait for something that no event tells of."""
    limit = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.005)
