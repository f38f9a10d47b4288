"""The HTTP server with an echoing application: framing, order, and unusual clients."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awslambdaric_lite.emulator.http.connection import MAX_UNREAD_BODY
from awslambdaric_lite.emulator.http.exchange import Exchange
from awslambdaric_lite.emulator.http.request_form import MAX_HEAD
from awslambdaric_lite.emulator.http.server import HttpServer

from .harness import Client
from .loop_thread import LoopThread
from .waiting import WAIT

TEXT = [("Content-Type", "text/plain")]


class Echo:
    """Application: `/echo` responds with the body, `/stream` in parts that a test writes, `/refuse` before the body,
    `/late` on the test's command, `/empty` with 204, and `/count` with the size of a body read in parts."""

    def __init__(self) -> None:
        self.late: list[Exchange] = []
        self.lost: list[str] = []
        self.truncated: list[str] = []
        self.arrived = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)
        self.sizes: dict[int, int] = {}

    def on_head(self, exchange: Exchange) -> None:
        path = exchange.request.path
        if path == "/refuse":
            exchange.respond(403, TEXT, b"no")
        elif path == "/count":
            size = 0

            def on_data(data: bytes) -> None:
                nonlocal size
                size += len(data)
                self.sizes[id(exchange)] = size

            exchange.on_data = on_data

    def on_body(self, exchange: Exchange) -> None:
        path = exchange.request.path
        if path == "/late":
            self.late.append(exchange)
            self.arrived.release()
        elif path == "/stream":
            exchange.start(200, TEXT)
            self.late.append(exchange)
            self.arrived.release()
        elif path == "/empty":
            exchange.respond(204, [], b"")
        elif path == "/count":
            exchange.respond(200, TEXT, b"%d" % self.sizes.get(id(exchange), 0))
        else:
            exchange.respond(200, TEXT, bytes(exchange.body) or path.encode())

    def on_truncated(self, exchange: Exchange) -> None:
        self.truncated.append(exchange.request.path)
        self.gone.release()

    def on_lost(self, exchange: Exchange) -> None:
        self.lost.append(exchange.request.path)
        self.gone.release()


class Server(LoopThread):
    """HTTP server in a thread."""

    def __init__(self, *, serve_half_closed: bool) -> None:
        super().__init__()
        self.echo = Echo()
        self.server = self.run(lambda: HttpServer(self.echo, serve_half_closed=serve_half_closed))

    def client(self) -> Client:
        """Connect to the server."""
        return Client(self.server.address)

    def with_late(self, action: Callable[[Exchange], object]) -> None:
        """Wait for a request that awaits its response, and apply `action` to its exchange."""
        assert self.echo.arrived.acquire(timeout=WAIT)
        self.again(action)

    def again(self, action: Callable[[Exchange], object]) -> None:
        """Apply `action` to the same exchange."""
        self.run(lambda: action(self.echo.late[-1]))

    def close(self) -> None:
        """Close the server and stop its thread."""
        self.run(self.server.close)
        self.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    """Yield a server that serves half-closed clients, as front ends do."""
    running = Server(serve_half_closed=True)
    yield running
    running.close()


@pytest.fixture
def strict_server() -> Iterator[Server]:
    """Yield a server that treats half-closed clients as disconnected, as Runtime APIs do."""
    running = Server(serve_half_closed=False)
    yield running
    running.close()


def request(path: str, body: bytes = b"", *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    """Encode a request with a declared length."""
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def received(client: Client) -> bytes:
    """Read until the connection ends."""
    data = b""
    while part := client.socket.recv(65536):
        data += part
    return data


@pytest.mark.parametrize("path", ["/echo", "/refuse"])
def test_head_response_has_no_body(server: Server, path: str) -> None:
    """The response to HEAD has headers but no body, and the next response follows in order."""
    with server.client() as client:
        client.send(request(path, method="HEAD") + request("/echo", b"1", "Connection: close"))
        first, second = received(client).split(b"\r\n\r\n", 1)
    assert (b"content-length: %d" % len(path if path == "/echo" else "no")) in first.lower()
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second.endswith(b"\r\n\r\n1")


def test_streamed_head_response_has_no_body(server: Server) -> None:
    """The parts of a streamed response to HEAD are not sent."""
    with server.client() as client:
        client.send(request("/stream", method="HEAD"))
        server.with_late(lambda exchange: exchange.write(b"part"))
        server.again(Exchange.finish)
        client.send(request("/echo", b"1", "Connection: close"))
        _, second = received(client).split(b"\r\n\r\n", 1)
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")


def test_no_content_response_has_no_framing(server: Server) -> None:
    """A 204 response has neither body nor framing headers, and the connection stays open."""
    with server.client() as client:
        client.send(request("/empty") + request("/echo", b"1", "Connection: close"))
        first, second = received(client).split(b"\r\n\r\n", 1)
    assert first.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"content-length" not in first.lower() and b"transfer-encoding" not in first.lower()
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("size", [10, 100_000])
def test_http_1_0_response_is_not_chunked(server: Server, size: int) -> None:
    """A response to HTTP/1.0 is never chunked and ends with the connection."""
    with server.client() as client:
        client.send(request("/echo", b"x" * size, version="1.0"))
        head, _, body = received(client).partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert body == b"x" * size
    with server.client() as client:
        client.send(request("/stream", version="1.0"))
        server.with_late(lambda exchange: exchange.write(b"part"))
        server.again(Exchange.finish)
        head, _, body = received(client).partition(b"\r\n\r\n")
        assert (b"transfer-encoding" in head.lower(), body) == (False, b"part")


def test_connection_serves_thousand_requests(server: Server) -> None:
    """One connection serves a thousand requests."""
    with server.client() as client:
        for number in range(1000):
            assert client.ask(request("/echo", b"%d" % number)).body == b"%d" % number


def test_pipelined_requests_follow_streamed_response(server: Server) -> None:
    """Pipelined requests are answered in order after a streamed response."""
    count = 200
    with server.client() as client:
        sender = threading.Thread(
            target=client.send, args=(request("/stream") + request("/echo", b"x" * 50_000) * count,)
        )
        sender.start()
        server.with_late(lambda exchange: exchange.write(b"one"))
        server.again(lambda exchange: exchange.write(b"two"))
        server.again(Exchange.finish)
        assert client.read().body == b"onetwo"
        for _ in range(count):
            assert client.read().body == b"x" * 50_000
        sender.join(WAIT)


def test_pipelined_requests_are_not_buffered(server: Server) -> None:
    """While a response is awaited, the server stops reading, so that the client blocks."""
    data = request("/echo", b"x" * 1_000_000)
    with server.client() as client:
        client.send(request("/late"))
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(200):
                client.socket.sendall(data)
        client.socket.settimeout(WAIT)
        server.with_late(lambda exchange: exchange.respond(200, TEXT, b"late"))
        assert client.read().body == b"late"
        assert client.read().status == 200


def test_half_closed_client_gets_response(server: Server) -> None:
    """A half-closed client gets its response."""
    with server.client() as client:
        client.send(request("/late"))
        client.socket.shutdown(socket.SHUT_WR)
        server.with_late(lambda exchange: exchange.respond(200, TEXT, b"x" * 1_000_000))
        assert client.read().body == b"x" * 1_000_000
        assert client.at_end()


def test_half_closed_client_gets_whole_stream(server: Server) -> None:
    """A half-closed client gets its whole streamed response and the response to a pipelined request."""
    with server.client() as client:
        client.send(request("/stream") + request("/echo", b"next"))
        client.socket.shutdown(socket.SHUT_WR)
        server.with_late(lambda exchange: exchange.write(b"part"))
        server.again(Exchange.finish)
        assert client.read().body == b"part"
        assert client.read().body == b"next"
        assert client.at_end()
    assert server.echo.lost == []


def test_strict_server_drops_half_closed_client(strict_server: Server) -> None:
    """A strict server treats a half-closed client as disconnected and closes the connection."""
    with strict_server.client() as client:
        client.send(request("/late"))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()
    assert strict_server.echo.gone.acquire(timeout=WAIT)
    assert strict_server.echo.lost == ["/late"]


def test_write_to_disconnected_client_is_reported(server: Server) -> None:
    """The application learns of a disconnected client when it writes to the stream."""
    with server.client() as client:
        client.send(request("/stream"))
        server.with_late(lambda exchange: exchange.write(b"part"))
        client.socket.recv(1000)
    while not server.echo.gone.acquire(timeout=0.01):
        server.again(lambda exchange: exchange.write(b"more"))
    assert server.echo.lost == ["/stream"]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/echo", "/count"])
def test_large_upload_is_received_whole(server: Server, path: str, chunked: bool) -> None:
    """A body of 20 MB arrives whole, with a length or chunked, buffered or in parts."""
    body = b"x" * 20_000_000
    if chunked:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        parts = [body[at : at + 77_777] for at in range(0, len(body), 77_777)]
        sent = head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        sent = request(path, body)
    with server.client() as client:
        client.send(sent)
        assert client.read().body == (body if path == "/echo" else b"20000000")


@pytest.mark.parametrize("path", ["/echo", "/count"])
def test_expect_continue_gets_100(server: Server, path: str) -> None:
    """A request with `Expect: 100-continue` gets status 100 before its body arrives."""
    sent = request(path, b"12345", "Expect: 100-continue")
    with server.client() as client:
        assert client.ask(sent[:-5]).status == 100
        assert client.ask(sent[-5:]).body == (b"12345" if path == "/echo" else b"5")


def test_rejected_expect_continue_closes_connection(server: Server) -> None:
    """A rejected `Expect: 100-continue` gets the rejection instead, and the connection ends."""
    with server.client() as client:
        refusal = client.ask(request("/refuse", b"12345", "Expect: 100-continue")[:-5])
        assert (refusal.status, refusal.headers["connection"]) == (403, "close")
        assert client.at_end()


@pytest.mark.parametrize("size", [MAX_UNREAD_BODY, MAX_UNREAD_BODY + 1, 30_000_000])
def test_early_rejection_reaches_sending_client(server: Server, size: int) -> None:
    """A client that sends its whole body first gets the rejection; a small body keeps the connection open."""
    with server.client() as client:
        assert client.ask(request("/refuse", b"x" * size)).body == b"no"
        if size <= MAX_UNREAD_BODY:
            assert client.ask(request("/echo", b"1")).body == b"1"
        else:
            assert client.at_end()


def test_long_rejected_chunked_body_closes_connection(server: Server) -> None:
    """The connection ends when a rejected chunked body exceeds the limit."""
    with server.client() as client:
        client.send(b"POST /refuse HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.read().body == b"no"
        for _ in range(30):
            client.send(b"2710\r\n%s\r\n" % (b"x" * 10_000))
        assert client.at_end()


@pytest.mark.parametrize("attempt", range(10))
def test_oversized_head_gets_431(server: Server, attempt: int) -> None:
    """A client that is still sending an oversized head can read the 431 response."""
    with server.client() as client:
        refusal = client.ask(request("/echo", b"", "X-Large: " + "x" * (MAX_HEAD + 500_000 * (attempt % 3))))
        assert (refusal.status, refusal.body) == (431, b"431 Request Header Fields Too Large")
        assert client.at_end()


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["words", "no-host", "two-lengths", "negative", "coding", "space", "tls"],
)
def test_malformed_request_smuggles_nothing(server: Server, data: bytes) -> None:
    """A malformed request gets at most an error; no request behind it reaches the application."""
    with server.client() as client:
        client.send(data + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = received(client)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert b"/smuggled" not in answer


def test_truncated_body_is_reported_once(server: Server) -> None:
    """The application learns once of a truncated body."""
    with server.client() as client:
        client.send(request("/echo", b"12345")[:-1])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()
    assert server.echo.truncated == ["/echo"]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_splits_do_not_change_responses(data: st.DataObject) -> None:
    """The responses are the same for every split of the requests' bytes."""
    bodies = data.draw(st.lists(st.binary(max_size=5000), min_size=1, max_size=4))
    sent = b"".join(request("/echo", body) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    running = Server(serve_half_closed=data.draw(st.booleans()))
    try:
        with running.client() as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
                client.send(sent[start:end])
            assert [client.read().body for _ in bodies] == [body or b"/echo" for body in bodies]
    finally:
        running.close()
