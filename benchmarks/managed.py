"""Managed Instances, `python -m benchmarks.managed`: until all workers poll, and what they take of memory together."""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import interpreter, machine, suite
from .contenders import BASELINE, Contender, Registry
from .report import figure
from .results import Results
from .runner import ENVIRONMENT
from .stats import ratio
from .tables import Table, show
from .workshop import HERE, Unavailable, Workshop, build_directory

APP = HERE / "contenders" / "managed_app"
CONTENDERS = ("lite", BASELINE)
LIMIT = 0.25  # of the official client's figure, for time and memory
TIMEOUT = 120.0  # seconds
_END_OF_HEAD = b"\r\n\r\n"


class PollCounter:
    """A Runtime API that answers nothing and counts polls: N connections with a whole request on each."""

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
        """Return as soon as so many polls wait.

        Raises:
            Unavailable: they do not come.
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
                    raise Unavailable(f"a worker has ended: {data[-500:].decode(errors='replace')}")
                self._received[connection] += data


@dataclass(frozen=True)
class Figures:
    """One run: seconds from the spawn until all workers poll, and their memory then.

    Attributes:
        proportional: bytes of the first process and all workers, shared pages divided by their users (PSS).
    """

    spawn_to_polls: float
    proportional: float


def measure(contender: Contender, workers: int, app: Path) -> Figures:
    """Start a contender with so many workers.

    Raises:
        Unavailable: they do not poll.
    """
    with PollCounter() as api:
        environment = {
            **ENVIRONMENT,
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
            "AWS_LAMBDA_MAX_CONCURRENCY": str(workers),
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "LAMBDA_TASK_ROOT": str(app),
            "_HANDLER": "app.hello",
            **contender.client.environment,
            **contender.environment,
        }
        started = time.perf_counter()
        process = subprocess.Popen(
            contender.command("hello"), env=environment, cwd=app, stdin=subprocess.DEVNULL, start_new_session=True
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


def table(results: Results, measure_name: str) -> Table:
    """Compare the contenders in one measure."""
    found = Table(measure_name, ["contender", "median", f"of {BASELINE} [95 %]", "at most", "n"])
    theirs = results.of(BASELINE, measure_name)
    for name in results.contenders(measure_name):
        ours = results.of(name, measure_name)
        median = statistics.median(ours)
        compared = "1" if name == BASELINE else str(ratio(ours, theirs)) if theirs else "-"
        limit = "" if name == BASELINE else f"{LIMIT:.2f}"
        found.rows.append([name, figure(measure_name, median), compared, limit, str(len(ours))])
    return found


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    options = suite.parser("managed", __doc__)
    options.add_argument("--workers", type=int, action="append", metavar="N", help="(repeatable) default 16 and 64")
    options.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is run (default 5)")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure, interleaved, a first round not counted; print the tables."""
    options = parser().parse_args(arguments)
    build = build_directory(options.build_dir)
    python = interpreter.prepare(options.python, build)
    workshop = Workshop(build, python)
    samples: dict[str, dict[str, list[float]]] = {}
    neighbours = machine.Neighbours()
    try:
        workshop.require("boto3")
        registry = Registry(workshop)
        contenders = [registry.contender(name) for name in CONTENDERS]
        app = workshop.stage("managed_app", (APP, "."))
        for number in range(options.rounds + 1):
            for workers in options.workers or (16, 64):
                for contender in contenders:
                    figures = measure(contender, workers, app)
                    if number:
                        kept = samples.setdefault(contender.name, {})
                        kept.setdefault(f"managed_{workers}_spawn_to_polls", []).append(figures.spawn_to_polls)
                        kept.setdefault(f"managed_{workers}_memory", []).append(figures.proportional)
    except Unavailable as reason:
        raise SystemExit(f"benchmarks: {reason}") from reason
    results = suite.collected(samples, options.rounds, python, neighbours, options.output)
    show([table(results, name) for name in results.measures()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
