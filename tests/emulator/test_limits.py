"""Limits of what clients hold: connections, and the time for heads, bodies, responses and between requests."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.http.limits import Limits
from awslambdaric_lite.emulator.http.server import HttpServer, allowed_connections
from awslambdaric_lite.emulator.logs.collector import LogCollector
from awslambdaric_lite.emulator.logs.managed_collector import SharedLogStream

from .environment_harness import running
from .harness import Client
from .loop_thread import LoopThread
from .test_http import Echo, request
from .waiting import WAIT, until

NEVER = 3600.0
PATIENT = Limits(100, first_byte_s=NEVER, head_s=NEVER, body_s=NEVER, idle_s=NEVER, response_s=NEVER, room_s=NEVER)
AT_ONCE = 0.02


class Server(LoopThread):
    """Echoing server with limits."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.echo = Echo()
        self.server = self.run(lambda: HttpServer(self.echo, limits=limits))

    def client(self) -> Client:
        """Connect to the server."""
        return Client(self.server.address)

    def open_connections(self) -> int:
        """Return the number of connections that the server has."""
        return self.run(lambda: len(self.server._connections))


@pytest.fixture
def serve() -> Iterator[Callable[[Limits], Server]]:
    """Yield a function that starts a server."""
    with contextlib.ExitStack() as stack:

        def start(limits: Limits) -> Server:
            server = Server(limits)
            stack.callback(server.stop)
            stack.callback(server.run, server.server.close)
            return server

        yield start


HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"


@pytest.mark.parametrize(
    ("limits", "sent", "answer"),
    [
        (replace(PATIENT, first_byte_s=AT_ONCE), b"", b""),
        (replace(PATIENT, head_s=AT_ONCE), b"G", b"HTTP/1.1 408 "),
        (replace(PATIENT, head_s=AT_ONCE), HEAD, b"HTTP/1.1 408 "),
        (replace(PATIENT, body_s=AT_ONCE), HEAD + b"\r\n1234", b"HTTP/1.1 408 "),
        (
            replace(PATIENT, body_s=AT_ONCE),
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"HTTP/1.1 408 ",
        ),
        (replace(PATIENT, body_s=AT_ONCE), HEAD.replace(b"echo", b"count") + b"\r\n1", b"HTTP/1.1 408 "),
    ],
    ids=["silent", "one-byte", "half-a-head", "half-a-body", "half-a-chunk", "body-in-parts"],
)
def test_unfinished_request_is_ended(
    serve: Callable[[Limits], Server], caplog: pytest.LogCaptureFixture, limits: Limits, sent: bytes, answer: bytes
) -> None:
    """A client that never completes a request is disconnected, with one line in the log; nothing runs."""
    server = serve(limits)
    with caplog.at_level(logging.WARNING), server.client() as client, server.client() as second:
        for each in (client, second):
            each.send(sent)
        for each in (client, second):
            data = b""
            while part := each.socket.recv(65536):
                data += part
            assert data.startswith(answer) and (answer or not data)
    assert len(caplog.messages) == 1 and "closed a connection: " in caplog.messages[0]
    assert not server.echo.late


@pytest.mark.parametrize("part", [HEAD, HEAD + b"\r\n"], ids=["head", "body"])
def test_trickle_is_ended(serve: Callable[[Limits], Server], part: bytes) -> None:
    """A client that sends a byte again and again is disconnected: only the end of the head or of the body counts."""
    server = serve(replace(PATIENT, head_s=0.2, body_s=0.2))
    with server.client() as client:
        client.send(part.replace(b"Length: 5", b"Length: 5000000"))
        with contextlib.suppress(ConnectionError):
            while True:
                client.send(b"a")
                client.socket.settimeout(0.001)
                with contextlib.suppress(TimeoutError):
                    if client.socket.recv(12) in (b"HTTP/1.1 408", b""):
                        break


def test_idle_connection_is_closed(serve: Callable[[Limits], Server]) -> None:
    """A connection without a further request is closed after its limit, and not while its request is served."""
    server = serve(replace(PATIENT, idle_s=AT_ONCE))
    with server.client() as client, server.client() as other:
        client.send(request("/late"))
        assert other.ask(request("/echo", b"1")).body == b"1"
        assert other.at_end()
        assert server.echo.arrived.acquire(timeout=WAIT)
        server.run(lambda: server.echo.late[-1].respond(200, [], b"late"))
        assert client.read().body == b"late"
        assert client.at_end()


@pytest.mark.parametrize("path", ["/late", "/stream"])
def test_long_response_is_not_limited(serve: Callable[[Limits], Server], path: str) -> None:
    """A client that waits for its response is within every limit, however long the application takes."""
    limits = Limits(9, first_byte_s=AT_ONCE, head_s=AT_ONCE, body_s=AT_ONCE, idle_s=AT_ONCE, response_s=AT_ONCE)
    server = serve(limits)
    with server.client() as client:
        client.send(request(path))
        assert server.echo.arrived.acquire(timeout=WAIT)
        for _ in range(5):  # of others that are over the limit meanwhile
            with server.client() as other:
                assert other.at_end()
        exchange = server.echo.late[-1]
        if path == "/late":
            server.run(lambda: exchange.respond(200, [], b"late"))
        else:
            server.run(lambda: exchange.write(b"late"))
            server.run(exchange.finish)
        assert client.read().body == b"late"


def test_client_that_reads_nothing_is_disconnected(serve: Callable[[Limits], Server]) -> None:
    """A response that nobody reads ends after its limit, so that its memory is free."""
    server = serve(replace(PATIENT, response_s=0.1))
    with server.client() as client:
        client.send(request("/late"))
        assert server.echo.arrived.acquire(timeout=WAIT)
        server.run(lambda: server.echo.late[-1].respond(200, [], b"x" * 50_000_000))
        while server.open_connections():
            pass


def test_slow_reader_gets_its_whole_response(serve: Callable[[Limits], Server]) -> None:
    """A client that reads a little again and again gets all of a response that takes longer than the limit."""
    server = serve(replace(PATIENT, response_s=0.3))
    size = 20_000_000
    with server.client() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request("/late", b"", "Connection: close"))
        assert server.echo.arrived.acquire(timeout=WAIT)
        server.run(lambda: server.echo.late[-1].respond(200, [], b"x" * size))
        got = 0
        while part := client.socket.recv(1_000_000):
            got += len(part)
            server.run(lambda: None)
        assert got > size


def test_frozen_clients_are_not_limited(serve: Callable[[Limits], Server]) -> None:
    """While the clients are frozen their time does not pass, and afterwards the rest of it remains."""
    server = serve(replace(PATIENT, head_s=AT_ONCE))
    server.run(server.server.freeze)
    with server.client() as client:
        client.send(HEAD)
        server.wait(asyncio.sleep(5 * AT_ONCE))
        client.send(b"\r\n12345")
        assert client.read().body == b"12345"
        client.send(HEAD)
        server.run(server.server.thaw)
        assert client.read().status == 408


def test_client_beyond_the_limit_gets_in_when_one_leaves(
    serve: Callable[[Limits], Server], caplog: pytest.LogCaptureFixture
) -> None:
    """Above the limit of connections a client waits, and is served when another one leaves; the log has one line."""
    server = serve(replace(PATIENT, connections=3))
    with caplog.at_level(logging.WARNING), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(6)]
        for client in clients:
            client.send(request("/echo", b"1"))
        for number, client in enumerate(clients):
            assert client.read().body == b"1"
            assert server.open_connections() <= 3
            client.socket.shutdown(socket.SHUT_RDWR)
            del number
    assert caplog.messages == [
        f"{server.server.address} cannot accept a connection: 3 connections are open; waiting until one is closed"
    ]


@pytest.mark.parametrize("sent", [b"", HEAD, request("/echo", b"1")], ids=["silent", "half-a-head", "idle"])
def test_unused_connections_make_room(serve: Callable[[Limits], Server], sent: bytes) -> None:
    """Connections without a request are closed for a client that waits, and those with one are not."""
    server = serve(replace(PATIENT, connections=4, room_s=0.0))
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(server.client())
        busy.send(request("/late"))
        assert server.echo.arrived.acquire(timeout=WAIT)
        for _ in range(20):
            stack.enter_context(server.client()).send(sent)
        assert stack.enter_context(server.client()).ask(request("/echo", b"2")).body == b"2"
        server.run(lambda: server.echo.late[-1].respond(200, [], b"late"))
        assert busy.read().body == b"late"


def test_limit_leaves_descriptors_for_environments() -> None:
    """The default limit is a part of the descriptors that this process may open."""
    assert 16 <= allowed_connections() <= 1024
    assert allowed_connections() <= max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)


def test_runtime_is_never_over_a_limit(
    write_handler: Callable[..., Path], socket_runtime: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime may poll, run its handler and be frozen for any time, while others are over the limits."""
    short = dict.fromkeys(("first_byte_s", "head_s", "body_s", "response_s"), AT_ONCE)
    monkeypatch.setattr(
        "awslambdaric_lite.emulator.environments.sandbox.Limits",
        lambda connections, **settings: Limits(connections, **{**settings, **short}),
    )

    async def scenario() -> None:
        root = write_handler("import time\ndef handler(event, context):\n    time.sleep(0.3)\n    return event\n")
        async with running(root, socket_runtime) as function:
            await function.invoke(1)
            pid = function.host.pool.environments[0].pid
            sandbox = function.host.pool.environments[0]._sandbox
            assert sandbox is not None
            for _ in range(3):
                reader, writer = await asyncio.open_connection(*sandbox.address.split(":"))
                sandbox._server.thaw()  # the clock, as if the environment were not frozen
                assert await reader.read() == b""
                writer.close()
            assert (await function.invoke(2))[0] == 2
            assert function.host.pool.environments[0].pid == pid

    asyncio.run(scenario())


def test_log_socket_has_a_limit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Above its limit the log socket accepts no connection until one is closed, and loses no line."""

    async def scenario() -> None:
        lines: list[str] = []
        log = SharedLogStream(lines.append)
        collector = LogCollector(tmp_path / "socket", tmp_path, log.function_output, most=2)
        workers = []
        for number in range(5):
            worker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            worker.connect(str(tmp_path / "socket"))
            worker.sendall(b"%d\n" % number)
            workers.append(worker)
        await until(lambda: len(lines) == 2)
        for worker in workers:
            worker.close()
        await until(lambda: len(lines) == 5)
        collector.close()
        assert sorted(lines) == ["0", "1", "2", "3", "4"]

    asyncio.run(scenario())
    assert caplog.messages == [
        "the log socket cannot accept a connection: 2 connections are open; waiting until one is closed"
    ]


def test_log_socket_survives_exhausted_descriptors(tmp_path: Path) -> None:
    """Without a free descriptor the log socket waits, and reads all lines when one is free again."""

    async def scenario() -> None:
        lines: list[str] = []
        log = SharedLogStream(lines.append)
        collector = LogCollector(tmp_path / "socket", tmp_path, log.function_output)
        worker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        worker.connect(str(tmp_path / "socket"))
        worker.sendall(b"line\n")
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
        try:
            await until(lambda: collector._retry is not None)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        await until(lambda: lines == ["line"])
        worker.close()
        collector.close()

    asyncio.run(scenario())


def test_serve_is_used_beside_idle_clients(write_handler: Callable[..., Path]) -> None:
    """A hundred silent clients keep nobody from invoking the function."""
    from .command_line import Serve

    root = write_handler("def handler(event, context): return event")
    with Serve("app.handler", "--task-root", str(root)) as serve, contextlib.ExitStack() as stack:
        host, _, port = serve.endpoint_url.removeprefix("http://").rpartition(":")
        for _ in range(allowed_connections() + 20):
            stack.enter_context(socket.create_connection((host, int(port))))
        path = f"{serve.endpoint_url}/2015-03-31/functions/function/invocations"
        with urllib.request.urlopen(path, b'"x"', timeout=WAIT) as reply:
            assert reply.read() == b'"x"'
