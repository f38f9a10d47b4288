"""Functions that print without pause: the event loop serves everybody else, and memory stays limited."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.extensions.destinations import TcpSender
from awslambdaric_lite.emulator.http.exchange import RecordedRequest
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.logs.kept_log import MAX_KEPT, KeptLog
from awslambdaric_lite.emulator.logs.levels import as_object
from awslambdaric_lite.emulator.logs.managed_collector import SharedLogStream
from awslambdaric_lite.emulator.logs.pipe_reader import PIPE_SIZE, PipeReader
from awslambdaric_lite.emulator.logs.stream import MAX_LINE, LogStream, Output

from .command_line import command, environment, shell
from .environment_harness import answered, completed, running
from .test_http import Echo
from .waiting import WAIT

WriteHandler = Callable[[str], Path]
FLOODS = {
    "lines": "while True: os.write(1, b'x\\n' * 4096)",
    "empty-lines-of-stderr": "while True: os.write(2, b'\\n' * 65536)",
    "one-line": "while True: os.write(1, b'x' * 65536)",
    "not-utf-8": "while True: os.write(1, bytes(range(256)) * 256)",
    "larger-pipe": "fcntl.fcntl(1, 1031, 1024 * 1024)\n        while True: os.write(1, b'\\n' * 65536)",
    "child": "subprocess.Popen(['yes']).wait()",
    "threads": "[threading.Thread(target=lambda: [print('x' * 99) for _ in iter(int, 1)]).start() for _ in range(3)]\n"
    "        threading.Event().wait()",
}
HANDLER = """
import fcntl, os, subprocess, threading
def handler(event, context):
    if event.get("flood"):
        os.write(1, b"flooding\\n")
        {flood}
    return "served"
"""


@pytest.mark.parametrize("flood", FLOODS.values(), ids=list(FLOODS))
def test_flood_times_out_while_others_are_served(
    write_handler: WriteHandler, socket_runtime: list[str], flood: str
) -> None:
    """An invocation that prints without pause times out; another environment serves meanwhile; the log is limited."""

    async def scenario() -> None:
        async with running(write_handler(HANDLER.format(flood=flood)), socket_runtime, concurrency=2) as function:
            flooding = function.submit({"flood": True})
            await function.printed("flooding", 1)
            for _ in range(3):
                assert (await function.invoke())[0] == "served"
            assert not flooding.answered.done()
            function.host.pool.environments[0].time_out_now()
            assert (await answered(flooding)).error_type == "Sandbox.Timedout"
            logs = (await completed(flooding)).logs
            assert len(logs.encode()) < MAX_KEPT + 2 * MAX_LINE
            assert "Task timed out" in logs and "\nREPORT " in logs

    asyncio.run(scenario())


def test_flood_during_init_times_out(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An init that prints without pause times out, while the event loop runs other tasks."""
    root = write_handler("import os\nwhile True: os.write(1, b'x\\n' * 4096)")

    async def scenario() -> None:
        settings = {"init_timeout_s": 0.3, "timeout_s": 0.3}
        async with running(root, socket_runtime, **settings) as function:
            assert (await answered(function.submit())).error_type == "Sandbox.Timedout"

    asyncio.run(scenario())


@pytest.mark.parametrize("session", [False, True])
def test_child_that_floods_delays_no_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], session: bool
) -> None:
    """A child that prints without pause in the background delays neither invocations nor the shutdown."""
    source = (
        f"import subprocess\nsubprocess.Popen(['yes'], start_new_session={session})\ndef handler(event, context): ..."
    )

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime) as function:
            await function.invoke()
            await function.invoke()

    asyncio.run(scenario())


def test_pipe_is_read_in_small_parts() -> None:
    """A full pipe is read in parts of at most 64 lines and 4 KiB, whatever its lines are."""

    async def scenario() -> None:
        for line in (b"\n", b"x" * 1000 + b"\n", b"x" * 5000):
            ended = asyncio.Event()
            read_end, write_end = os.pipe()
            os.set_blocking(write_end, False)
            parts: list[bytes] = []
            reader = PipeReader(read_end, parts.append, ended.set)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(write_end, line * 64)
            await reader.drain(PIPE_SIZE // 2)
            assert sum(map(len, parts)) >= PIPE_SIZE // 2
            os.close(write_end)
            await asyncio.wait_for(ended.wait(), WAIT)
            assert max(map(len, parts)) <= 4096
            assert max(part.count(b"\n") for part in parts) <= 64

    asyncio.run(scenario())


def test_long_line_becomes_several_in_linear_time() -> None:
    """A line of tens of megabytes becomes lines of 256 KiB, of which no more than one is in memory at a time."""
    lines: list[str] = []
    output = Output(LogStream(lines.append), "function")
    for _ in range(20 * 256):
        output.feed(b"x" * 4096)
        assert len(output._partial) <= MAX_LINE
    output.feed(b"\nnext\n")
    assert lines == ["x" * MAX_LINE] * 80 + ["next"]


@pytest.mark.parametrize("offset", range(4))
def test_long_line_is_cut_between_characters(offset: int) -> None:
    """A long line is cut between two characters of UTF-8, and no character is lost."""
    lines: list[str] = []
    text = "a" * offset + "\N{SNAKE}" * (MAX_LINE // 2 + 1)
    LogStream(lines.append).feed(text.encode() + b"\n")
    assert "".join(lines) == text
    assert all(MAX_LINE - 4 < len(line.encode()) <= MAX_LINE for line in lines[:2])


def test_long_log_keeps_both_ends_and_says_what_was_cut() -> None:
    """A log above the limit keeps its first and last lines, with one line about the bytes between them."""
    kept = KeptLog()
    total = 0
    for number in range(450_000):
        line = f"line {number}"
        total += len(line) + 1
        kept.add(line)
        assert kept.size <= 2 * MAX_KEPT
    first, note, last = kept.text().partition("[local Lambda] ")
    assert first.startswith("line 0\nline 1\n") and last.endswith("\nline 449999\n")
    cut, _, last = last.partition(" bytes of this log are not kept\n")
    assert len(first) + len(last) + int(cut) == total
    assert note and int(cut) > 0 and len(first) + len(last) <= MAX_KEPT


def test_idle_output_of_managed_function_is_bounded_in_bytes() -> None:
    """Output between the invocations of Managed Instances is limited in bytes, not only in lines."""
    log = SharedLogStream()
    for _ in range(100):
        log.feed(b"x" * MAX_LINE + b"\n")
    log.open("a")
    assert len(log.close("a")) <= MAX_KEPT


def test_deeply_nested_line_is_text() -> None:
    """A line of nested JSON that no parser takes is a line of text."""
    assert as_object('{"a":' * 100_000) is None


def test_unread_telemetry_is_not_collected() -> None:
    """An attempt to send telemetry over TCP that reaches its limit closes the connection with what was not read."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sender = TcpSender(listener.getsockname()[1])
            for _ in range(3):
                sending = asyncio.ensure_future(sender.send([b"x" * 1_000_000] * 20))
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(sending, 0.05)
                assert not sender.connected
            sender.close()

    asyncio.run(scenario())


def test_client_that_does_not_read_is_not_served_further() -> None:
    """Pipelined requests of a client that does not read its responses wait, so that no responses pile up."""

    async def scenario() -> None:
        recorded: list[RecordedRequest] = []
        server = HttpServer(Echo(), recorded=recorded)
        client = socket.create_connection((server.host, server.port))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        body = b"x" * 100_000
        request = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        sent = 0
        while True:  # until the server reads no more
            try:
                await asyncio.wait_for(loop.sock_sendall(client, request), 0.5)
            except asyncio.TimeoutError:
                break
            sent += 1
            assert sent < 1000, "the server reads without end"
        served = len(recorded)
        client.close()
        server.close()
        await asyncio.sleep(0)
        assert served <= sent + 1

    asyncio.run(scenario())


def test_flood_beside_a_reply_is_complete(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A thread that prints without pause delays neither the reply of its function nor the completion."""
    source = (
        "import os, threading\n"
        "def handler(event, context):\n"
        "    threading.Thread(target=lambda: [os.write(1, b'x\\n' * 4096) for _ in iter(int, 1)]).start()\n"
        "    return 'x' * 5_000_000\n"
    )

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime) as function:
            reply, completion = await function.invoke()
            assert len(reply) == 5_000_000
            assert completion.report.status == "success"

    asyncio.run(scenario())


def test_exhausted_descriptors_pause_the_listener(write_handler: WriteHandler) -> None:
    """Without a free descriptor `serve` says so in one line and waits; it serves again when clients have left."""
    root = write_handler("def handler(event, context): ...")
    with open(os.devnull) as null, contextlib.ExitStack() as stack:
        occupied = [os.dup(null.fileno()) for _ in range(44)]  # so that they run out before the limit of connections
        for descriptor in occupied:
            stack.callback(os.close, descriptor)
        _check_exhausted(root, occupied)


def _check_exhausted(root: Path, occupied: list[int]) -> None:
    script = f"ulimit -n 64; exec {shell(command('serve', 'app.handler', '--port', '0', '--url-port', '0', '--json'))}"
    with subprocess.Popen(
        ["sh", "-c", script],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=occupied,
    ) as serve:
        assert serve.stdout is not None and serve.stderr is not None
        url = json.loads(serve.stdout.readline())["endpointUrl"]
        host, _, port = url.removeprefix("http://").rpartition(":")
        clients = [socket.create_connection((host, int(port))) for _ in range(100)]
        assert b"cannot accept a connection: Too many open files" in serve.stderr.readline()
        for client in clients:
            client.close()
        with urllib.request.urlopen(f"{url}/health", timeout=WAIT) as reply:
            assert reply.status == 200
        serve.send_signal(signal.SIGINT)
        assert serve.communicate(timeout=WAIT)[1] == b""
