"""`awslambdaric-lite` in separate processes: run until the exit, or controlled while it runs."""

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

from .waiting import WAIT as WAIT
from .waiting import alive as alive
from .waiting import wait_until as wait_until

REPOSITORY = Path(__file__).parents[2]


def command(*arguments: str) -> list[str]:
    """Return the command line of a new process."""
    return [sys.executable, "-m", "awslambdaric_lite.cli", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """Return its environment, with the same search path for packages as this process."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path]), **variables}


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command line until it exits."""
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, env=environment(), timeout=110)


def shell(runtime: list[str]) -> str:
    """Quote a command as one argument."""
    return " ".join(f"'{argument}'" for argument in runtime)


class Reader:
    """Reader of a descriptor, with a deadline."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seen = b""
        """Everything that was read."""

    def until(self, condition: Callable[[bytes], bool]) -> bytes:
        """Read until everything that was read meets the condition."""
        limit = time.monotonic() + WAIT
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            while not condition(self.seen):
                assert selector.select(limit - time.monotonic()), f"no more output after {self.seen!r}"
                try:
                    data = os.read(self._descriptor, 65536)
                except OSError:  # the terminal's other side is closed
                    data = b""
                assert data, f"the output ended after {self.seen!r}"
                self.seen += data
        return self.seen

    def text(self, text: str) -> str:
        """Read until the text has been read."""
        return self.until(lambda seen: text.encode() in seen).decode()


class Serve:
    """Running `awslambdaric-lite serve … --json` on free ports; `variables` are added to its environment."""

    def __init__(self, *arguments: str, as_json: bool = True, **variables: str) -> None:
        self.process = subprocess.Popen(
            command("serve", "--port", "0", "--url-port", "0", *(["--json"] if as_json else []), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**variables),
        )
        assert self.process.stdout is not None
        self.output = Reader(self.process.stdout.fileno())
        self._taken = 0
        if as_json:
            self.serving = self.event("serving")
            self.endpoint_url: str = self.serving["endpointUrl"]
            self.url: str = self.serving.get("functionUrl", "")

    def __enter__(self) -> Serve:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self.process:
            self.process.kill()

    def event(self, kind: str) -> dict[str, Any]:
        """Return the next event of this kind, and skip those before it."""
        while True:
            self.output.until(lambda seen: seen.count(b"\n") > self._taken)
            event: dict[str, Any] = json.loads(self.output.seen.split(b"\n")[self._taken])
            self._taken += 1
            if event["event"] == kind:
                return event

    def end(self, number: int = signal.SIGINT) -> tuple[int, bytes, bytes]:
        """Send a signal and wait for the exit; return exit code, all of the output, and standard error."""
        self.process.send_signal(number)
        output, error = self.process.communicate(timeout=WAIT)
        return self.process.returncode, self.output.seen + output, error
