"""Managed Instances: the time until all workers poll, and the memory of all of them."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .build_cache import Unavailable
from .contenders import BASELINE, Contender
from .job import Bench, Samples
from .loadgen import RunFailed

TIMEOUT = 120.0  # seconds
_END_OF_HEAD = b"\r\n\r\n"


class PollCounter:
    """A Runtime API that sends no responses and counts polls: N connections with a whole request on each."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._received: dict[socket.socket, bytes] = {}
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> PollCounter:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._received):
            sock.close()
        self._selector.close()

    def wait_for(self, count: int) -> None:
        """Wait for a number of polls.

        Raises:
            Unavailable: fewer arrive.
        """
        end = time.monotonic() + TIMEOUT
        while sum(_END_OF_HEAD in data for data in self._received.values()) < count:
            ready = self._selector.select(end - time.monotonic())
            if not ready:
                raise Unavailable(f"{len(self._received)} of {count} workers poll after {TIMEOUT:.0f} s")
            for key, _ in ready:
                if key.fileobj is self._listener:
                    sock, _ = self._listener.accept()
                    self._selector.register(sock, selectors.EVENT_READ)
                    self._received[sock] = b""
                    continue
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                data = connection.recv(65536)
                if not data or b"init/error" in data:
                    raise Unavailable(f"a worker exited: {data[-500:].decode(errors='replace')}")
                self._received[connection] += data


@dataclass(frozen=True)
class Figures:
    """The figures of a run: seconds from the spawn until all workers poll, and their memory then.

    Attributes:
        proportional: bytes of the first process and all workers, shared pages divided by their users (PSS).
    """

    spawn_to_polls: float
    proportional: float


def measure(bench: Bench, contender: Contender, workers: int) -> Figures:
    """Start a contender with a number of workers.

    Raises:
        Unavailable: not all workers poll.
    """
    with PollCounter() as api:
        application = bench.application("boto3")
        environment = {
            **bench.environment(contender, application, "version"),
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
            "AWS_LAMBDA_MAX_CONCURRENCY": str(workers),
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
        }
        started = time.perf_counter()
        process = subprocess.Popen(
            contender.command("version"),
            env=environment,
            cwd=application.root,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            api.wait_for(workers)
            elapsed = time.perf_counter() - started
            return Figures(elapsed, float(sum(map(_proportional_size, _session(process.pid)))))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _session(leader: int) -> list[int]:
    """Return the processes of a session, from the sixth field of each `/proc/<pid>/stat` (proc(5))."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(fields[3]) == leader:
                    found.append(int(folder.name))
    return found


def _proportional_size(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True)
class Managed:
    """A job: a function that imports boto3, with several workers."""

    workers: int
    contenders: tuple[str, ...] = ("lite", BASELINE)
    every: int = 4
    rehearsed: bool = True
    disturbing: bool = False
    runs_per_round: int = 1
    suite: str = "managed"

    @property
    def name(self) -> str:
        """Return the name of the job in the list of skipped ones."""
        return f"managed_{self.workers}"

    @property
    def measures(self) -> Collection[str]:
        """Return the names of the measures, in seconds and bytes."""
        return [f"{self.name}_spawn_to_polls", f"{self.name}_memory"]

    def prepare(self, bench: Bench) -> None:
        """Install boto3.

        Raises:
            Unavailable: pip cannot install it.
        """
        bench.application("boto3")

    def suits(self, contender: Contender) -> bool:
        """Return whether the contender is a runtime that loads handlers."""
        return contender.client.handlers is None and contender.client.opt is None

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the function once.

        Raises:
            RunFailed: not all workers poll.
        """
        try:
            figures = measure(bench, contender, self.workers)
        except Unavailable as reason:
            raise RunFailed(str(reason)) from reason
        return dict(zip(self.measures, ([figures.spawn_to_polls], [figures.proportional]), strict=True))
