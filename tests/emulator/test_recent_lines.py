"""The kept last lines of a function's log."""

from __future__ import annotations

import asyncio

from awslambdaric_lite.common.terminal_text import PlatformLine
from awslambdaric_lite.emulator.logs.recent import RecentLines


def test_oldest_lines_are_removed_and_counted() -> None:
    """At most the limit is kept; a reader learns how many lines it has missed."""
    log = RecentLines(limit=30)
    for number in range(10):
        log.add(f"line {number}")
    lines, number, missed = log.after(0)
    assert (lines, number, missed) == (["line 6", "line 7", "line 8", "line 9"], 10, 6)
    assert log.after(8) == (["line 8", "line 9"], 10, 0)
    assert log.after(10) == ([], 10, 0)


def test_long_line_is_kept_alone() -> None:
    """A line above the limit is kept until the next one."""
    log = RecentLines(limit=10)
    log.add("x" * 100)
    assert log.after(0) == (["x" * 100], 1, 0)
    log.add("y")
    assert log.after(0) == (["y"], 2, 1)


def test_line_keeps_its_origin() -> None:
    """Lines of the platform stay lines of the platform."""
    log = RecentLines()
    log.add(PlatformLine("START"))
    assert isinstance(log.after(0)[0][0], PlatformLine)


def test_readers_wait_for_the_next_line() -> None:
    """Every waiting reader continues with the next line; a cancelled one does not disturb the others."""

    async def read() -> list[str]:
        log = RecentLines()
        gone = asyncio.create_task(log.wait())
        readers = [asyncio.create_task(log.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        log.add("one")
        await asyncio.gather(*readers)
        return log.after(0)[0]

    assert asyncio.run(read()) == ["one"]
