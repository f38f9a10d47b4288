"""Logs of several workers: their socket, and how lines are assigned to invocations."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.environments import managed
from awslambdaric_lite.emulator.logs.collector import LogCollector
from awslambdaric_lite.emulator.logs.invocation_events import ManagedEnded, Start
from awslambdaric_lite.emulator.logs.managed_collector import SharedLogStream
from awslambdaric_lite.emulator.results import Report
from tests.emulator.waiting import until

from .fleet import PROCESSES, fleet, records


def worker(path: Path) -> socket.socket:
    """Connect to the socket as a worker does for its standard output."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(path))
    return connection


def collected(scenario: Callable[[Path, LogCollector, list[str]], None], folder: Path) -> list[str]:
    """Run a scenario with a collector while the event loop is blocked; return all lines."""

    async def run() -> list[str]:
        lines: list[str] = []
        log = SharedLogStream(lines.append)
        path = folder / "socket"
        collector = LogCollector(path, Path("/inside/socket"), log.function_output)
        try:
            assert collector.variables == {"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": "/inside/socket"}
            assert collector.inherited == ()
            collector.handed_over()
            scenario(path, collector, lines)
        finally:
            collector.close()
            collector.close()
        assert not path.exists()
        return lines

    return asyncio.run(run())


def test_read_accepts_connections_and_lines(tmp_path: Path) -> None:
    """`read` returns the lines that connections have written, even those that were not accepted before."""

    def scenario(path: Path, collector: LogCollector, lines: list[str]) -> None:
        with worker(path) as one, worker(path) as other:
            one.sendall(b"one be")
            other.sendall(b"other\n")
            collector.read()
            assert lines == ["other"]
            one.sendall(b"gins\nhalf")
            collector.read()
            assert lines == ["other", "one begins"]

    assert collected(scenario, tmp_path) == ["other", "one begins", "half"]


def test_closed_connection_completes_last_line(tmp_path: Path) -> None:
    """The unfinished line of a closed connection is logged."""

    def scenario(path: Path, collector: LogCollector, lines: list[str]) -> None:
        with worker(path) as one:
            one.sendall(b"last line")
        collector.read()
        assert lines == ["last line"]
        with worker(path) as silent:
            silent.shutdown(socket.SHUT_WR)
            collector.read()

    assert collected(scenario, tmp_path) == ["last line"]


def test_event_loop_reads_lines(tmp_path: Path) -> None:
    """The event loop reads lines without a call of `read`."""

    async def scenario() -> None:
        lines: list[str] = []
        collector = LogCollector(tmp_path / "socket", tmp_path, SharedLogStream(lines.append).function_output)
        with worker(tmp_path / "socket") as one:
            one.sendall(b"x" * 200_000 + b"\n")
            await until(lambda: lines == ["x" * 200_000])
        collector.close()

    asyncio.run(scenario())


def test_old_socket_is_replaced_long_path_rejected(tmp_path: Path) -> None:
    """An old socket file is replaced, and a path that is too long is rejected."""
    left = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as before:
        before.bind(str(left))

    def scenario(path: Path, collector: LogCollector, lines: list[str]) -> None:
        worker(path).close()

    assert collected(scenario, tmp_path) == []

    async def refused() -> None:
        long = tmp_path / ("x" * 120)
        with pytest.raises(OSError, match="too long"):
            LogCollector(long, long, SharedLogStream().function_output)

    asyncio.run(refused())


def test_workers_log_without_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the socket's path would be too long, workers log to their standard output."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with fleet(tmp_path, PROCESSES, private_tmp=False) as running:
        result = running.meet(2)[0]
        assert "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET" not in result.json()["env"]
        assert [each.get("message") for each in records(result.logs)][-3:] == ["begins n0", "ends n0", None]


def test_lines_before_reply_are_in_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines written before the reply are in the invocation's log, even if the event loop has not read them."""
    monkeypatch.setattr(managed, "LogCollector", functools.partial(LogCollector, watch=False))
    with fleet(tmp_path, PROCESSES) as running:
        for number, result in enumerate(running.meet(4)):
            messages = [record.get("message") for record in records(result.logs)]
            assert messages[-3:] == [f"begins n{number}", f"ends n{number}", None]


def test_lines_are_assigned_by_request_id() -> None:
    """A record is in its invocation's log, a plain line in all open logs or the next one, and a late record in none."""
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


def test_event_does_not_split_unfinished_line() -> None:
    """An event does not split an unfinished line of a worker."""
    shown: list[str] = []
    log = SharedLogStream(shown.append)
    log.feed(b"half ")
    log.open("a")
    log.emit(Start("a", "1"))
    log.feed(b"and half\n")
    assert shown[-1] == "half and half"


def test_idle_output_is_bounded() -> None:
    """Of an idle function's output the next invocation's log has the last 10,000 lines."""
    log = SharedLogStream()
    for number in range(10_050):
        log.feed(b"%d\n" % number)
    log.open("a")
    lines = log.close("a").splitlines()
    assert (len(lines), lines[-1]) == (10_000, "10049")
