"""Waiting for conditions and processes."""

from __future__ import annotations

import asyncio
import os
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


class Gate:
    """Named pipe. A process that opens it for reading waits until `open`."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        self.wait = f"open({str(self.path)!r}).read()"
        """A statement that waits, as source of a program."""

    def open(self) -> None:
        """Wait for a process that waits, and let all of them continue."""
        wait_until(self._opened, "no process waits")

    async def open_from_loop(self) -> None:
        """Do the same in an event loop."""
        await until(self._opened)

    def _opened(self) -> bool:
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # no process waits
            return False
        return True


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
