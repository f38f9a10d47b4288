"""Shutdown hooks on Managed Instances: the first process receives SIGTERM."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.managed.harness import function, wait_until
from tests.process.test_replaced_functions import module

HOOKED = """
import os, time
from awslambdaric_lite import on_shutdown
@on_shutdown
def bye():
    with open("byes", "a") as file:
        file.write(f"{os.getpid()}\\n")
"""
IDLE = HOOKED + "def handler(event, context):\n    return os.getpid()\n"
BUSY = HOOKED + 'def handler(event, context):\n    open("busy", "a").write(".")\n    time.sleep(600)\n'
ASYNC = "import asyncio\n" + HOOKED + "async def handler(event, context):\n    await asyncio.sleep(event)\n"
LONG_GRACE = {"_managed.supervisor.GRACE": 60.0}  # handlers of SIGTERM may be slow on a busy machine
OWN_HANDLER = """
import os, signal, sys
def leave(number, frame):
    open("byes", "a").write(f"{os.getpid()}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
def handler(event, context):
    return os.getpid()
"""


def byes(task_root: Path) -> list[int]:
    """Return the processes in which the hook ran."""
    return sorted(map(int, (task_root / "byes").read_text().split()))


@pytest.mark.parametrize("source", [IDLE, BUSY, ASYNC, OWN_HANDLER], ids=["idle", "busy", "async", "own handler"])
@pytest.mark.parametrize("fork", ["after", "before"])
def test_hooks_run_in_each_worker(tmp_path: Path, source: str, fork: str) -> None:
    """One process registers with the platform; the hooks run once in each worker, also in a busy one."""
    with function(tmp_path, source, 3, env={"AWSLAMBDARIC_LITE_FORK": fork}, limits=LONG_GRACE) as running:
        assert len(running.api.extensions) == 1
        workers = sorted(running.workers())
        if source == BUSY:
            running.api.invoke()
            wait_until(lambda: (tmp_path / "busy").exists(), "the handler")
        os.kill(running.pid, signal.SIGTERM)
        assert running.client.process.wait(60) == 0
    assert byes(tmp_path) == workers


@pytest.mark.parametrize("replacement", ["refuse", "return_none"])
@pytest.mark.parametrize("fork", ["after", "before"])
def test_workers_serve_although_functions_are_replaced(tmp_path: Path, replacement: str, fork: str) -> None:
    """Workers start, answer and end although user code replaces functions of the standard library."""
    source = module("init after", replacement, "def handler(event, context):\n    return event\n")
    with function(tmp_path, source, 2, env={"AWSLAMBDARIC_LITE_FORK": fork}, limits=LONG_GRACE) as running:
        assert [running.ask(b"%d" % number) for number in range(4)] == [0, 1, 2, 3]
        os.kill(running.pid, signal.SIGTERM)
        assert running.client.process.wait(60) == 0


def test_function_without_hooks_registers_no_extension(tmp_path: Path) -> None:
    """A function without hooks registers no extension."""
    with function(tmp_path, "def handler(event, context):\n    return event\n", 2) as running:
        assert running.api.extensions == []


def test_hooks_of_one_process_run_once(tmp_path: Path) -> None:
    """In asyncio mode the hooks run once."""
    with function(tmp_path, ASYNC, 3, env={"AWSLAMBDARIC_LITE_CONCURRENCY_MODE": "asyncio"}) as running:
        running.api.invoke(b"600")
        os.kill(running.pid, signal.SIGTERM)
        assert running.client.process.wait(60) == 0
    assert byes(tmp_path) == [running.pid]
