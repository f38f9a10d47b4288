"""Runtime clients as child processes: commands, environments and the records of a run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.recorder import Recorder
from awslambdaric_lite.conformance.server import React

PROJECT = Path(__file__).parents[2]
HANDLERS = PROJECT / "tests" / "handlers"
BOOTSTRAP = PROJECT / "bootstrap"
GUARD = 110.0  # seconds after which a client that still runs has failed

OFFICIAL = (sys.executable, "-m", "awslambdaric")
LITE = (sys.executable, "-m", "awslambdaric_lite")
BOOTSTRAPPED = (str(BOOTSTRAP),)


def package_root() -> str:
    """Return the folder that `awslambdaric_lite` is imported from: a checkout, or where its wheel was installed."""
    spec = importlib.util.find_spec("awslambdaric_lite")
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parents[1])


@dataclass(frozen=True)
class Frame:
    """One message on the telemetry descriptor."""

    kind: str
    micros: int
    text: str


@dataclass(frozen=True)
class Run:
    """Record of one client process.

    Attributes:
        exit_code: negative for a signal; -9 after the last event, when the test kills the client.
        frames: None without a telemetry descriptor.
    """

    requests: list[Request]
    stdout: bytes
    stderr: bytes
    exit_code: int
    frames: list[Frame] | None

    @property
    def replies(self) -> list[Request]:
        """The posts to the Runtime API, without the polls."""
        return [request for request in self.requests if request.method == "POST" and "/extension/" not in request.path]

    @property
    def ended_by_test(self) -> bool:
        """Whether the process still ran after its last event, so that the test killed it."""
        return self.exit_code == -signal.SIGKILL


class _Stream:
    """Reader of a pipe, whose bytes can be read while more arrive."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._data = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self._descriptor, 1 << 16):
            with self._changed:
                self._data += chunk
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, text: bytes) -> None:
        with self._changed:
            seen = self._changed.wait_for(lambda: text in self._data or self._ended, GUARD)
        assert seen and text in self._data, f"{text!r} was not written; this was: {bytes(self._data)!r}"

    def end(self) -> bytes:
        self._thread.join(GUARD)
        assert not self._thread.is_alive(), "a process that was not killed holds the pipe open"
        os.close(self._descriptor)
        return bytes(self._data)


def environment(address: str, handler: str, task_root: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return a function's environment; a value of None in `changes` removes a variable."""
    variables: dict[str, str | None] = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": package_root(),
        "AWSLAMBDARIC_LITE_PYTHON": sys.executable,
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/10/01/[$LATEST]0123456789abcdef",
        "LAMBDA_TASK_ROOT": str(task_root),
        "_HANDLER": handler,
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}


class ClientProcess:
    """Running client; a context manager that kills it with its forked children."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, *, telemetry: bool = False) -> None:
        variables = dict(env)
        passed: tuple[int, ...] = ()
        self._telemetry: _Stream | None = None
        if telemetry:
            reading, writing = os.pipe()
            variables["_LAMBDA_TELEMETRY_LOG_FD"] = str(writing)
            passed = (writing,)
            self._telemetry = _Stream(reading)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        self.process = subprocess.Popen(
            command,
            env=variables,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out_end,
            stderr=err_end,
            pass_fds=passed,
            start_new_session=True,
        )
        for descriptor in (out_end, err_end, *passed):
            os.close(descriptor)
        self.stdout, self.stderr = _Stream(out), _Stream(err)
        self._frames: list[Frame] | None = None

    def __enter__(self) -> ClientProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill the process and its forked children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(GUARD)

    def wait_until(self, happened: threading.Event, limit: float = GUARD) -> bool:
        """Wait for an event or the exit of the process; return whether the process still runs.

        Raises:
            AssertionError: neither happened within `limit` seconds; the process was killed.
        """

        def watch() -> None:
            self.process.wait()
            happened.set()

        threading.Thread(target=watch, daemon=True).start()
        if not happened.wait(limit):
            self.kill()
            raise AssertionError(f"the client neither polled again nor exited in {limit:.0f} s")
        return self.process.poll() is None

    def wait_until_asleep(self) -> None:
        """Wait until the process is blocked in a system call, e.g. reading the response to its poll.

        A signal that arrives between Python's last look at its flag and that call is seen only when the call returns.
        """
        deadline = time.monotonic() + GUARD
        while Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < deadline, "the client does not block in a system call"
            time.sleep(0.001)

    def result(self, recorder: Recorder | None) -> Run:
        """Wait for the exit of the process; return the record of the run."""
        try:
            code = self.process.wait(GUARD)
        finally:
            self.kill()
        frames = None if self._telemetry is None else parse_frames(self._telemetry.end())
        requests = recorder.requests if recorder is not None else []
        return Run(requests, self.stdout.end(), self.stderr.end(), code, frames)


def run_client(
    command: Sequence[str],
    handler: str,
    events: Sequence[Event],
    *,
    task_root: Path = HANDLERS,
    env: Mapping[str, str | None] | None = None,
    telemetry: bool = False,
    react: React | None = None,
    host: str = "127.0.0.1",
    limit: int | None = None,
    on_chunk: Callable[[bytes], object] | None = None,
    extensions: bool = True,
    address: Callable[[Recorder], str] = lambda recorder: recorder.address,
) -> Run:
    """Run a client until it has replied to all events and polls again, or exits."""
    with Recorder(events, react, host=host, limit=limit, on_chunk=on_chunk, extensions=extensions) as recorder:
        variables = environment(address(recorder), handler, task_root, env or {})
        with ClientProcess([*command, handler], variables, task_root, telemetry=telemetry) as client:
            if client.wait_until(recorder.finished):
                client.kill()
            return client.result(recorder)


def parse_frames(data: bytes) -> list[Frame]:
    """Split the bytes of a telemetry descriptor into frames."""
    frames: list[Frame] = []
    while data:
        length = int.from_bytes(data[4:8], "big")
        text = data[16 : 16 + length]
        assert len(data) >= 16 and len(text) == length, f"an incomplete frame: {data[:80]!r}"
        frames.append(Frame(data[:4].hex(), int.from_bytes(data[8:16], "big"), text.decode()))
        data = data[16 + length :]
    return frames
