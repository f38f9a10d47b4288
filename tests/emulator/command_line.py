"""`awslambdaric-lite` in processes of its own: run to the end, or spoken with while it runs."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).parents[2]
WAIT = 60.0  # seconds after which a test that waits for something has failed


def command(*arguments: str) -> list[str]:
    """The command line of a fresh process."""
    return [sys.executable, "-m", "awslambdaric_lite.cli", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """The environment for it: the package is found where this test found it."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path]), **variables}


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, env=environment(), timeout=110)


def shell(runtime: list[str]) -> str:
    """A command as one argument."""
    return " ".join(f"'{argument}'" for argument in runtime)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for something to be so."""
    limit = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.005)


class Reader:
    """What comes from a descriptor, read with a deadline."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seen = b""
        """Everything up to now."""

    def until(self, condition: Callable[[bytes], bool]) -> bytes:
        """Read until what has been read meets the condition."""
        limit = time.monotonic() + WAIT
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            while not condition(self.seen):
                assert selector.select(limit - time.monotonic()), f"nothing more came after {self.seen!r}"
                try:
                    data = os.read(self._descriptor, 65536)
                except OSError:  # the other side of a terminal was closed
                    data = b""
                assert data, f"it ended after {self.seen!r}"
                self.seen += data
        return self.seen

    def text(self, text: str) -> str:
        """Read until a text has come."""
        return self.until(lambda seen: text.encode() in seen).decode()


class Serve:
    """A running `awslambdaric-lite serve … --json` on free ports."""

    def __init__(self, *arguments: str, as_json: bool = True) -> None:
        self.process = subprocess.Popen(
            command("serve", "--port", "0", "--url-port", "0", *(["--json"] if as_json else []), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        assert self.process.stdout is not None
        self.output = Reader(self.process.stdout.fileno())
        self._taken = 0
        if as_json:
            serving = self.event("serving")
            self.endpoint_url: str = serving["endpointUrl"]
            self.url: str = serving["functionUrl"]

    def __enter__(self) -> Serve:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self.process:
            self.process.kill()

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of this kind; those before it are skipped."""
        while True:
            self.output.until(lambda seen: seen.count(b"\n") > self._taken)
            event: dict[str, Any] = json.loads(self.output.seen.split(b"\n")[self._taken])
            self._taken += 1
            if event["event"] == kind:
                return event

    def end(self, number: int = signal.SIGINT) -> tuple[int, bytes, bytes]:
        """Send a signal and wait for the end: exit code, all of the output, standard error."""
        self.process.send_signal(number)
        output, error = self.process.communicate(timeout=WAIT)
        return self.process.returncode, self.output.seen + output, error
