"""A runtime's process: its output, its end, its group."""

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

from .environment_harness import alive, state_of, until
from .harness import WAIT


class Started:
    """A process that runs a line of Python, and what came of it."""

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
        """Wait for the end and clean up."""
        await asyncio.wait_for(self.ended.wait(), WAIT)
        return self.process.reap()


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story, after which there are as many descriptors as before."""

    async def inside() -> None:
        before = len(os.listdir("/proc/self/fd"))
        await story()
        assert len(os.listdir("/proc/self/fd")) == before

    asyncio.run(inside())


@pytest.mark.parametrize(
    ("source", "returncode"),
    [("pass", 0), ("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 15)", -15)],
)
def test_how_it_ended(tmp_path: Path, source: str, returncode: int) -> None:
    """A code, or a signal as a negative number; no zombie stays."""

    async def story() -> None:
        started = Started(source, tmp_path)
        assert await started.end() == returncode
        assert state_of(started.process.pid) == ""

    run(story)


def test_output_of_both_streams_in_order(tmp_path: Path) -> None:
    """As it was written, to the last byte before the end; there is no standard input."""
    source = (
        "import os, sys\nfor n in range(3): os.write(1, b'out'); os.write(2, b'err')\n"
        "os.write(1, sys.stdin.buffer.read() + os.getcwd().encode() + b'x' * 200_000)"
    )

    async def story() -> None:
        started = Started(source, tmp_path)
        assert await started.end() == 0
        assert started.output == b"outerr" * 3 + os.fsencode(tmp_path) + b"x" * 200_000

    run(story)


def test_reading_ahead_of_the_event_loop(tmp_path: Path) -> None:
    """`read_output` takes what is there at once, and nothing is taken twice."""

    async def story() -> None:
        started = Started("import os, time; os.write(1, b'now'); time.sleep(60)", tmp_path)
        while not started.output:  # without letting the event loop run
            started.process.read_output()
        assert started.output == b"now"
        started.process.kill()
        assert await started.end() == -signal.SIGKILL
        assert started.output == b"now"

    run(story)


def test_a_process_that_ends_takes_its_group_along(tmp_path: Path) -> None:
    """Children that stayed behind are killed when it is reaped, and hold up nothing."""
    source = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "os.write(1, str(child.pid).encode())"
    )

    async def story() -> None:
        started = Started(source, tmp_path)
        assert await started.end() == 0
        await until(lambda: not alive(int(started.output)))

    run(story)


def test_stopped_with_its_group(tmp_path: Path) -> None:
    """Stopped processes stand, go on, and can be killed as they stand."""
    source = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "os.write(1, str(child.pid).encode()); time.sleep(60)"
    )

    async def story() -> None:
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

    run(story)


def test_at_rest_when_every_thread_waits(tmp_path: Path) -> None:
    """A main thread that waits is not enough, and one that is stopped does not wait."""
    source = (
        "import os, threading, time\n"
        "def busy():\n"
        "    os.write(1, b'.')\n"
        "    while not os.path.exists('enough'): pass\n"
        "    time.sleep(60)\n"
        "threading.Thread(target=busy).start(); time.sleep(60)"
    )

    async def story() -> None:
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

    run(story)


def test_signals_after_the_end_hit_nobody(tmp_path: Path) -> None:
    """The number of the group may be another's by then."""

    async def story() -> None:
        started = Started("pass", tmp_path)
        await started.end()
        started.process.kill()
        started.process.terminate()
        started.process.stop()
        started.process.crash(signal.SIGKILL)

    run(story)


def test_an_inherited_descriptor(tmp_path: Path) -> None:
    """What is passed is open in the process under the same number; nothing else is."""
    source = "import os; os.write(1, repr(sorted(map(int, os.listdir('/proc/self/fd')))).encode())"

    async def story() -> None:
        outlet, inlet = os.pipe()
        os.set_inheritable(outlet, True)
        started = Started(source, tmp_path, inherited=[inlet])
        await started.end()
        # The listing itself has one more open, the lowest that is free.
        assert set(eval(started.output)) - {3, 4} == {0, 1, 2, inlet} - {3, 4}
        os.close(outlet)
        os.close(inlet)

    run(story)


def test_a_command_that_cannot_be_executed(tmp_path: Path) -> None:
    """It raises, and leaves nothing open."""

    async def story() -> None:
        with pytest.raises(FileNotFoundError):
            RuntimeProcess(["./missing"], env={}, cwd=tmp_path, on_output=lambda _: None, on_exit=lambda _: None)

    run(story)
