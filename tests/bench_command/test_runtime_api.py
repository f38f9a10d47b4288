"""The Runtime API for measuring, used over real sockets."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from awslambdaric_lite.bench.errors import ClientFailed, InitFailed
from awslambdaric_lite.bench.runtime_api import MeasuringApi

LIMIT_S = 20.0
ID = "00000001-0000-4000-a000-000000000000"
POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n"


class ScriptedClient:
    """Runtime in a thread that runs the test's script and records the bytes that it receives."""

    def __init__(self, address: str, script: Callable[[ScriptedClient], None]) -> None:
        self.received: list[bytes] = []
        self._address = address
        self._sockets: list[socket.socket] = []
        self.connect()
        self._thread = threading.Thread(target=script, args=(self,))
        self._thread.start()

    def connect(self) -> None:
        """Open a connection, which is used from now on."""
        host, _, port = self._address.partition(":")
        self._sockets.append(socket.create_connection((host, int(port)), LIMIT_S))

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._sockets[-1].sendall(data)

    def post(self, path: str, body: bytes, *headers: bytes, then: bytes = b"") -> None:
        """Send a request and the bytes of `then` in the same packet."""
        lines = [f"POST /2018-06-01/runtime/{path} HTTP/1.1".encode(), *headers, b"Content-Length: %d" % len(body)]
        self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body + then)

    def receive(self, until: bytes) -> bytes:
        """Read until the bytes end with `until`."""
        data = b""
        while not data.endswith(until):
            piece = self._sockets[-1].recv(65536)
            assert piece, f"the server closed after {data!r}"
            data += piece
        self.received.append(data)
        return data

    def close(self) -> None:
        """Wait for the script, then close everything."""
        self._thread.join(LIMIT_S)
        for each in self._sockets:
            each.close()
        assert not self._thread.is_alive()


@contextmanager
def served(
    script: Callable[[ScriptedClient], None], limit_s: float = LIMIT_S, exited: bool = False
) -> Iterator[tuple[MeasuringApi, ScriptedClient]]:
    """Serve an API to a client that runs the script."""
    with MeasuringApi(lambda: exited, limit_s) as api:
        client = ScriptedClient(api.address, script)
        try:
            yield api, client
        finally:
            client.close()


def respond_and_poll(client: ScriptedClient) -> None:
    """Poll, respond and poll again, each after the reply to the request before."""
    client.send(POLL)
    client.receive(b'{"a":1}')
    client.post(f"invocation/{ID}/response", b"[1]")
    client.receive(b'{"status":"OK"}\n')
    client.send(POLL)


def test_event_and_reply_have_the_heads_of_the_real_server() -> None:
    """Names, order and framing are those of the real server; a response is accepted before the next poll."""
    with served(respond_and_poll) as (api, client):
        polled_at = api.await_poll()
        measured = api.invoke(ID, b'{"a":1}')
    event, accepted = client.received
    head, _, body = event.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[:3] == ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Lambda-Runtime-Aws-Request-Id: {ID}"]
    assert re.fullmatch(r"Lambda-Runtime-Deadline-Ms: \d{13}", lines[3])
    assert [line.partition(":")[0] for line in lines[4:]] == [
        "Lambda-Runtime-Invoked-Function-Arn",
        "Lambda-Runtime-Trace-Id",
        "Date",
        "Content-Length",
    ]
    assert (lines[-1], body) == ("Content-Length: 7", b'{"a":1}')
    assert accepted.startswith(b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nDate: ")
    assert (measured.result.body, measured.result.failed) == (b"[1]", False)
    assert polled_at <= measured.sent_at <= measured.posted_at <= measured.polled_at
    assert api.own_cpu_s > 0


@pytest.mark.parametrize(("size", "chunked"), [(2048, False), (2049, True), (200_000, True)])
def test_long_events_are_sent_in_one_chunk(size: int, chunked: bool) -> None:
    """An event of more than 2048 bytes is chunked, as by a server in Go."""
    event = b'"' + b"x" * (size - 2) + b'"'
    end = b"\r\n0\r\n\r\n" if chunked else b'x"'

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(end)
        client.post(f"invocation/{ID}/response", b"1", then=POLL)

    with served(script) as (api, client):
        api.await_poll()
        measured = api.invoke(ID, event)
    assert measured.posted_at == measured.polled_at, "both came together"
    head, _, body = client.received[0].partition(b"\r\n\r\n")
    assert (b"Transfer-Encoding: chunked" in head, b"Content-Length" in head) == (chunked, not chunked)
    assert body == (b"%x\r\n%b\r\n0\r\n\r\n" % (size, event) if chunked else event)


def test_posted_errors_and_error_trailers_are_failed_results() -> None:
    """An error post and a streamed response with an error trailer are both failed results."""

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(b"{}")
        client.post(f"invocation/{ID}/error", b'{"errorType":"KeyError","errorMessage":"x"}', then=POLL)
        client.receive(b"{}")
        client.send(
            b"POST /2018-06-01/runtime/invocation/%b/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nab\r\n0\r\nLambda-Runtime-Function-Error-Type: Late\r\n\r\n%b" % (ID.encode(), POLL)
        )

    with served(script) as (api, _):
        api.await_poll()
        results = [api.invoke(ID, b"{}").result for _ in range(2)]
    assert [str(result) for result in results] == ["the error KeyError: x", "the error Late"]


def test_client_that_expects_100_continue_receives_it() -> None:
    """A client that waits before it sends its body, as curl does with long ones, receives 100 Continue."""

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(b"{}")
        client.post(f"invocation/{ID}/response", b"", b"Expect: 100-continue")  # its body is empty
        client.receive(b'{"status":"OK"}\n')
        client.send(POLL)
        client.receive(b"{}")
        client.send(
            f"POST /2018-06-01/runtime/invocation/{ID}/response HTTP/1.1\r\n"
            "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode()
        )
        client.receive(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.send(b"12" + POLL)

    with served(script) as (api, _):
        api.await_poll()
        assert [api.invoke(ID, b"{}").result.body for _ in range(2)] == [b"", b"12"]


def test_extension_of_shutdown_hooks_registers_and_gets_no_event() -> None:
    """A registration is accepted; the extension's poll gets no event and does not count as the runtime's."""

    def script(client: ScriptedClient) -> None:
        client.send(b"POST /2020-01-01/extension/register HTTP/1.1\r\nContent-Length: 13\r\n\r\n" + b'{"events":[]}')
        client.receive(b'"handler":""}')
        client.send(b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n\r\n")
        client.connect()
        respond_and_poll(client)

    with served(script) as (api, client):
        api.await_poll()
        assert api.invoke(ID, b'{"a":1}').result.body == b"[1]"
    assert b"\r\nLambda-Extension-Identifier: " in client.received[0]


def test_init_error_is_accepted_and_raised() -> None:
    """A reported init error is raised with its type and message, and the client receives 202."""

    def script(client: ScriptedClient) -> None:
        client.post("init/error", b'{"errorType":"Runtime.X","errorMessage":"broken"}')
        client.receive(b'{"status":"OK"}\n')

    with served(script) as (api, _), pytest.raises(InitFailed, match=r"^Runtime\.X: broken$"):
        api.await_poll()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (lambda client: client.send(b"\x16\x03\x01 what is this\r\n\r\n"), "not HTTP"),
        (lambda client: client.send(b"GET /elsewhere HTTP/1.1\r\n\r\n"), "unexpected request: GET /elsewhere"),
        (lambda client: client.post(f"invocation/{ID}/response", b""), "unexpected request: POST"),
    ],
    ids=["not HTTP", "unknown", "no invocation"],
)
def test_request_that_no_runtime_sends_is_named(script: Callable[[ScriptedClient], None], message: str) -> None:
    """The error shows a request that a runtime does not send."""
    with served(script) as (api, _), pytest.raises(ClientFailed, match=message):
        api.await_poll()


@pytest.mark.parametrize("path", [f"invocation/{ID[:-1]}9/response", f"invocation/{ID}/other"])
def test_response_to_another_invocation_is_refused(path: str) -> None:
    """A response with another request id, or another path, is an unexpected request."""

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(b"{}")
        client.post(path, b"1")

    with served(script) as (api, _):
        api.await_poll()
        with pytest.raises(ClientFailed, match="unexpected request"):
            api.invoke(ID, b"{}")


def test_poll_without_a_result_is_refused() -> None:
    """A runtime that polls again without a result has lost the invocation."""

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(b"{}")
        client.send(POLL)

    with served(script) as (api, _):
        api.await_poll()
        with pytest.raises(ClientFailed, match="without a result"):
            api.invoke(ID, b"{}")


def test_exit_of_the_process_is_noticed() -> None:
    """A process that exits without ever connecting ends the wait."""
    with (
        served(lambda client: None, exited=True) as (api, _),
        pytest.raises(ClientFailed, match="exited before its first poll"),
    ):
        api.await_poll()


def test_process_that_hangs_exceeds_the_limit() -> None:
    """A process that sends nothing fails after the limit, which the message names."""
    with (
        served(lambda client: None, limit_s=0.1) as (api, _),
        pytest.raises(ClientFailed, match=r"longer than 0\.1 s before its first poll"),
    ):
        api.await_poll()
