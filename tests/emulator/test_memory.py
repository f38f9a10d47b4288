"""Memory of processes, and the watch over a limit."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from awslambdaric_lite.emulator.environments.memory import GroupMemory, MemoryWatch, descendants

from .waiting import until

MB = 1024  # kB


@contextmanager
def process(source: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `source`; each call of `pause` writes one byte and waits for one."""
    prelude = "import os, subprocess, sys\ndef pause(): os.write(1, b'.'); os.read(0, 1)\n"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", prelude + source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def go_on(started: subprocess.Popen[bytes]) -> None:
    """Let the process continue to its next pause."""
    assert started.stdin is not None and started.stdout is not None
    started.stdin.write(b".")
    started.stdout.read(1)


def reached(started: subprocess.Popen[bytes]) -> GroupMemory:
    """Wait for the process's first pause."""
    assert started.stdout is not None
    assert started.stdout.read(1) == b"."
    return GroupMemory(started.pid)


def test_peak_includes_freed_memory() -> None:
    """Memory that a process freed before the first measurement counts for its peak."""
    with process("hoard = bytearray(100 << 20)\nhoard = None\npause()") as started:
        memory = reached(started)
        assert memory.measure_kb() < 50 * MB
        assert memory.peak_kb > 100 * MB
        assert memory.peak_mb == -(-memory.peak_kb // MB)


def test_shared_pages_of_children_count_once() -> None:
    """A forked child adds little until it writes; another program adds all of its memory."""
    source = """
hoard = bytearray(b"x" * (60 << 20))
pause()
def keep(): os.read(0, 0); import time; time.sleep(60)
children = []
for _ in range(4):
    child = os.fork()
    if not child: keep()
    children.append(child)
pause()
program = "import os, time; hoard = bytearray(b'x' * (50 << 20)); os.write(1, b'.'); time.sleep(60)"
children.append(subprocess.Popen([sys.executable, "-S", "-c", program]).pid)
os.read(0, 1)
"""
    with process(source) as started:
        memory = reached(started)
        alone = memory.measure_kb()
        go_on(started)
        pids = descendants(started.pid)
        try:
            assert len(pids) == 4
            assert memory.measure_kb(afresh=True) < alone + 20 * MB
            assert not memory.alone
            go_on(started)
            pids = descendants(started.pid)
            assert len(pids) == 5
            assert 100 * MB < memory.measure_kb(afresh=True) < 160 * MB
            assert 100 * MB < memory.peak_kb < 160 * MB
        finally:
            for pid in pids:
                os.kill(pid, 9)


def test_descendants_include_grandchildren_and_threads() -> None:
    """Descendants include grandchildren and children that another thread has started."""
    source = """
import threading, time
rest = "import time; time.sleep(60)"
deeper = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {rest!r}]); {rest}"
def start():
    subprocess.Popen([sys.executable, "-S", "-c", deeper])
    time.sleep(60)
threading.Thread(target=start, daemon=True).start()
pause()
"""
    with process(source) as started:
        reached(started)
        asyncio.run(until(lambda: len(descendants(started.pid)) == 2))
        for pid in descendants(started.pid):
            os.kill(pid, 9)


def test_exited_process_keeps_peak() -> None:
    """An exited process has no memory and no descendants, and its peak remains."""
    with process("pause()") as started:
        memory = reached(started)
        memory.measure_kb()
        peak = memory.peak_kb
        assert peak > 0
    assert (memory.measure_kb(), memory.peak_kb) == (0, peak)
    assert descendants(started.pid) == []


@pytest.mark.parametrize("child", [False, True])
def test_watch_reports_exceeded_limit_once(child: bool) -> None:
    """The watch reports once when a process or its child exceeds the limit."""
    hoard = "hoard = bytearray(b'x' * (80 << 20))"
    if child:
        program = f"import os, time; {hoard}; os.write(1, b'.'); time.sleep(60)"
        hoard = f"child = subprocess.Popen([sys.executable, '-S', '-c', {program!r}])"
    else:
        hoard += "\nos.write(1, b'.')"

    async def scenario(started: subprocess.Popen[bytes], memory: GroupMemory) -> None:
        reports: list[int] = []
        watch = MemoryWatch(memory, 64, lambda: reports.append(1))
        watch.go_on()
        assert not watch.exceeded()
        go_on(started)
        await until(lambda: bool(reports))
        assert reports == [1]
        watch.close()

    with process(f"pause()\n{hoard}\nos.read(0, 1)") as started:
        memory = reached(started)
        try:
            asyncio.run(scenario(started, memory))
        finally:
            for pid in descendants(started.pid):
                os.kill(pid, 9)


def test_paused_watch_reports_nothing() -> None:
    """A paused watch reports nothing until it resumes."""

    async def scenario(memory: GroupMemory) -> None:
        reports: list[int] = []
        watch = MemoryWatch(memory, 64, lambda: reports.append(1))
        watch.go_on()
        watch.pause()
        await asyncio.sleep(0.12)  # more than twice the interval of the watch
        assert not reports
        watch.go_on()
        await until(lambda: bool(reports))

    with process("hoard = bytearray(b'x' * (80 << 20))\npause()") as started:
        asyncio.run(scenario(reached(started)))
