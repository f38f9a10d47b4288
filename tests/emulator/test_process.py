"""The runtime's process: its output, exit and process group."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator.environments.process import RuntimeProcess

from .waiting import WAIT, alive, state_of, until


class Started:
    """Process that runs Python source, and its output."""

    def __init__(self, source: str, folder: Path, **options: Any) -> None:
        self.output = b""
        self.ended = asyncio.Event()
        self.process = RuntimeProcess(
            [sys.executable, "-S", "-c", source],
            env={"PATH": os.environ["PATH"]},
            cwd=folder,
            on_output=self._take,
            on_exit=lambda _: self.ended.set(),
            **options,
        )

    def _take(self, data: bytes) -> None:
        self.output += data

    async def end(self) -> int:
        """Wait for the exit and reap the process."""
        await asyncio.wait_for(self.ended.wait(), WAIT)
        return self.process.reap()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine and check that it leaves no open descriptor."""

    async def inside() -> None:
        before = len(os.listdir("/proc/self/fd"))
        await scenario()
        assert len(os.listdir("/proc/self/fd")) == before

    asyncio.run(inside())


@pytest.mark.parametrize(
    ("source", "returncode"),
    [("pass", 0), ("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 15)", -15)],
)
def test_exit_code_or_signal_is_reported(tmp_path: Path, source: str, returncode: int) -> None:
    """A process's exit is reported as its code or as a negative signal number, and leaves no zombie."""

    async def scenario() -> None:
        started = Started(source, tmp_path)
        assert await started.end() == returncode
        assert state_of(started.process.pid) == ""

    run(scenario)


def test_output_of_both_streams_is_ordered(tmp_path: Path) -> None:
    """Output of both streams arrives completely and in order; standard input is empty."""
    source = (
        "import os, sys\nfor n in range(3): os.write(1, b'out'); os.write(2, b'err')\n"
        "os.write(1, sys.stdin.buffer.read() + os.getcwd().encode() + b'x' * 200_000)"
    )

    async def scenario() -> None:
        started = Started(source, tmp_path)
        assert await started.end() == 0
        assert started.output == b"outerr" * 3 + os.fsencode(tmp_path) + b"x" * 200_000

    run(scenario)


def test_read_output_reads_without_event_loop(tmp_path: Path) -> None:
    """`read_output` reads available output without the event loop, and no byte is read twice."""

    async def scenario() -> None:
        started = Started("import os, time; os.write(1, b'now'); time.sleep(60)", tmp_path)
        while not started.output:  # without letting the event loop run
            started.process.read_output()
        assert started.output == b"now"
        started.process.kill()
        assert await started.end() == -signal.SIGKILL
        assert started.output == b"now"

    run(scenario)


def test_reap_kills_process_group(tmp_path: Path) -> None:
    """Reaping an exited process kills its children."""
    source = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "os.write(1, str(child.pid).encode())"
    )

    async def scenario() -> None:
        started = Started(source, tmp_path)
        assert await started.end() == 0
        await until(lambda: not alive(int(started.output)))

    run(scenario)


def test_stop_applies_to_process_group(tmp_path: Path) -> None:
    """`stop` and `go_on` apply to the process group, and stopped processes can be killed."""
    source = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "os.write(1, str(child.pid).encode()); time.sleep(60)"
    )

    async def scenario() -> None:
        started = Started(source, tmp_path)
        await until(lambda: bool(started.output))
        pids = (started.process.pid, int(started.output))
        started.process.stop()
        await until(lambda: [state_of(pid) for pid in pids] == ["T", "T"])
        started.process.go_on()
        await until(lambda: "T" not in [state_of(pid) for pid in pids])
        started.process.stop()
        started.process.kill()
        assert await started.end() == -signal.SIGKILL
        await until(lambda: not alive(pids[1]))

    run(scenario)


def test_process_rests_when_threads_wait(tmp_path: Path) -> None:
    """A process is at rest if all of its threads wait and it is not stopped."""
    source = (
        "import os, threading, time\n"
        "def busy():\n"
        "    os.write(1, b'.')\n"
        "    while not os.path.exists('enough'): pass\n"
        "    time.sleep(60)\n"
        "threading.Thread(target=busy).start(); time.sleep(60)"
    )

    async def scenario() -> None:
        started = Started(source, tmp_path)
        await until(lambda: bool(started.output) and state_of(started.process.pid) == "S")
        assert not started.process.at_rest
        (tmp_path / "enough").touch()
        await until(lambda: started.process.at_rest)
        started.process.stop()
        await until(lambda: not started.process.at_rest)
        started.process.kill()
        await started.end()
        assert started.process.at_rest

    run(scenario)


def test_signal_after_exit_is_not_sent(tmp_path: Path) -> None:
    """No signal is sent after the exit, because the group's number may be reused."""

    async def scenario() -> None:
        started = Started("pass", tmp_path)
        await started.end()
        started.process.kill()
        started.process.terminate()
        started.process.stop()
        started.process.crash(signal.SIGKILL)

    run(scenario)


def test_only_listed_descriptor_is_inherited(tmp_path: Path) -> None:
    """The process inherits only the listed descriptors, with the same numbers."""
    source = "import os; os.write(1, repr(sorted(map(int, os.listdir('/proc/self/fd')))).encode())"

    async def scenario() -> None:
        outlet, inlet = os.pipe()
        os.set_inheritable(outlet, True)
        started = Started(source, tmp_path, inherited=[inlet])
        await started.end()
        # The listing opens one more descriptor, with the lowest free number.
        assert set(eval(started.output)) - {3, 4} == {0, 1, 2, inlet} - {3, 4}
        os.close(outlet)
        os.close(inlet)

    run(scenario)


def test_unexecutable_command_raises(tmp_path: Path) -> None:
    """A command that cannot be executed raises and leaves no open descriptor."""

    async def scenario() -> None:
        with pytest.raises(FileNotFoundError):
            RuntimeProcess(["./missing"], env={}, cwd=tmp_path, on_output=lambda _: None, on_exit=lambda _: None)

    run(scenario)
