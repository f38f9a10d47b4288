"""Logs of several workers: the socket that they connect to, and which line belongs to which invocation."""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.logs.collector import LogCollector
from awslambdaric_lite.emulator.logs.invocation_events import ManagedEnded, Start
from awslambdaric_lite.emulator.logs.managed_collector import SharedLogStream
from awslambdaric_lite.emulator.results import Report
from tests.emulator.environment_harness import until

from .fleet import PROCESSES, fleet, records


def worker(path: Path) -> socket.socket:
    """A connection such as a worker makes its standard output."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(path))
    return connection


def collected(story: Callable[[Path, LogCollector, list[str]], None], folder: Path) -> list[str]:
    """Run a story with a collector, without giving the event loop a turn, and return all lines."""

    async def run() -> list[str]:
        lines: list[str] = []
        log = SharedLogStream(lines.append)
        path = folder / "socket"
        collector = LogCollector(path, Path("/inside/socket"), log.function_output)
        try:
            assert collector.variables == {"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": "/inside/socket"}
            assert collector.inherited == ()
            collector.handed_over()
            story(path, collector, lines)
        finally:
            collector.close()
            collector.close()
        assert not path.exists()
        return lines

    return asyncio.run(run())


def test_what_was_written_is_there_when_it_is_read(tmp_path: Path) -> None:
    """Over connections that nobody had a chance to accept before, too; each has its own lines."""

    def story(path: Path, collector: LogCollector, lines: list[str]) -> None:
        with worker(path) as one, worker(path) as other:
            one.sendall(b"one be")
            other.sendall(b"other\n")
            collector.read()
            assert lines == ["other"]
            one.sendall(b"gins\nhalf")
            collector.read()
            assert lines == ["other", "one begins"]

    assert collected(story, tmp_path) == ["other", "one begins", "half"]


def test_a_connection_that_ends_gives_its_last_words(tmp_path: Path) -> None:
    """Without a line end; one that is reset loses nothing that had come."""

    def story(path: Path, collector: LogCollector, lines: list[str]) -> None:
        with worker(path) as one:
            one.sendall(b"last words")
        collector.read()
        assert lines == ["last words"]
        with worker(path) as silent:
            silent.shutdown(socket.SHUT_WR)
            collector.read()

    assert collected(story, tmp_path) == ["last words"]


def test_lines_come_from_the_event_loop(tmp_path: Path) -> None:
    """Without anybody asking."""

    async def story() -> None:
        lines: list[str] = []
        collector = LogCollector(tmp_path / "socket", tmp_path, SharedLogStream(lines.append).function_output)
        with worker(tmp_path / "socket") as one:
            one.sendall(b"x" * 200_000 + b"\n")
            await until(lambda: lines == ["x" * 200_000])
        collector.close()

    asyncio.run(story())


def test_a_socket_of_somebody_before_is_replaced_and_a_long_path_refused(tmp_path: Path) -> None:
    """Nothing stays open after a refusal."""
    left = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as before:
        before.bind(str(left))

    def story(path: Path, collector: LogCollector, lines: list[str]) -> None:
        worker(path).close()

    assert collected(story, tmp_path) == []

    async def refused() -> None:
        long = tmp_path / ("x" * 120)
        with pytest.raises(OSError, match="too long"):
            LogCollector(long, long, SharedLogStream().function_output)

    asyncio.run(refused())


def test_without_a_place_for_the_socket_workers_keep_their_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A temporary folder whose name is too long for a socket: the lines come all the same."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with fleet(tmp_path, PROCESSES, private_tmp=False) as running:
        result = running.meet(2)[0]
        assert "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET" not in result.json()["env"]
        assert [each.get("message") for each in records(result.logs)][-3:] == ["begins n0", "ends n0", None]


def test_what_was_logged_before_the_reply_is_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However late the event loop would have come to it: it is read when the reply arrives."""

    def watch(collector: LogCollector, watched: socket.socket) -> None:
        watched.setblocking(False)
        collector._ready.register(watched, selectors.EVENT_READ)

    monkeypatch.setattr(LogCollector, "_watch", watch)
    with fleet(tmp_path, PROCESSES) as running:
        for number, result in enumerate(running.meet(4)):
            messages = [record.get("message") for record in records(result.logs)]
            assert messages[-3:] == [f"begins n{number}", f"ends n{number}", None]


def test_lines_by_their_request_ids() -> None:
    """A record goes to its own invocation, a plain line to all that are open, or to the next; late ones to nobody."""
    shown: list[str] = []
    log = SharedLogStream(shown.append, system_level="WARN")
    out = log.function_output()
    out.feed(b"before\n")
    log.open("a")
    log.emit(Start("a", "1"))
    log.open("b")
    one, other = '{"requestId":"a","n":1}', '{"requestId":"b","n":2}'
    out.feed(f"{one}\n{other}\nplain\n".encode())
    log.emit(ManagedEnded(Report("a", 1.5, 128, 64, status="timeout")))
    report = shown[-1]
    assert records(report)[0]["record"] == {"requestId": "a", "metrics": {"durationMs": 1.5}, "status": "timeout"}
    assert log.close("a") == f"before\n{one}\nplain\n{report}\n"
    out.feed(f"{one}\n".encode())
    assert log.close("b") == f"{other}\nplain\n"
    out.feed(b'{"requestId":""}\n')
    log.open("c")
    assert log.close("c") == '{"requestId":""}\n'
    assert shown == ["before", one, other, "plain", report, one, '{"requestId":""}']


def test_an_unfinished_line_is_not_cut_by_what_others_do() -> None:
    """It may be another invocation's."""
    shown: list[str] = []
    log = SharedLogStream(shown.append)
    log.feed(b"half ")
    log.open("a")
    log.emit(Start("a", "1"))
    log.feed(b"and half\n")
    assert shown[-1] == "half and half"


def test_what_an_idle_function_prints_is_not_kept_for_ever() -> None:
    """The next invocation gets the end of it."""
    log = SharedLogStream()
    for number in range(10_050):
        log.feed(b"%d\n" % number)
    log.open("a")
    lines = log.close("a").splitlines()
    assert (len(lines), lines[-1]) == (10_000, "10049")
