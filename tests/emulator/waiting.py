"""Waiting for a condition, and the states of processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

WAIT = 60.0  # seconds until a wait fails


def wait_until(condition: Callable[[], object], failure: str = "the condition was not met") -> None:
    """Wait until the condition is true; fail after a minute."""
    limit = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < limit, failure
        time.sleep(0.005)


async def until(condition: Callable[[], object]) -> None:
    """Wait in the event loop until the condition is true; fail after a minute."""
    limit = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < limit, "the condition was not met"
        await asyncio.sleep(0.002)


def state_of(pid: int | None) -> str:
    """Return the kernel's letter for the state of a process (`T`: stopped); empty if no process has this id."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Return whether a process runs. (A killed grandchild stays a zombie until its new parent waits for it.)"""
    return state_of(pid) not in ("", "Z")


def gone(pid: int) -> bool:
    """Return whether no process, not even a zombie, has this id."""
    return not state_of(pid)
