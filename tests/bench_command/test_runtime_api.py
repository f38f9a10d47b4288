"""The Runtime API for measuring, spoken to over real sockets."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from awslambdaric_lite.bench.errors import ClientFailed, InitFailed
from awslambdaric_lite.bench.runtime_api import RuntimeApi

LIMIT_S = 20.0
ID = "00000001-0000-4000-a000-000000000000"
POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n"


class ScriptedClient:
    """A runtime in a thread: does what the test's function says, and records what it received."""

    def __init__(self, address: str, script: Callable[[ScriptedClient], None]) -> None:
        self.received: list[bytes] = []
        self._address = address
        self._sockets: list[socket.socket] = []
        self.connect()
        self._thread = threading.Thread(target=script, args=(self,))
        self._thread.start()

    def connect(self) -> None:
        """Open a connection, over which everything goes from now on."""
        host, _, port = self._address.partition(":")
        self._sockets.append(socket.create_connection((host, int(port)), LIMIT_S))

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._sockets[-1].sendall(data)

    def post(self, path: str, body: bytes, *headers: bytes, then: bytes = b"") -> None:
        """Send a request, and something behind it in the same packet."""
        lines = [f"POST /2018-06-01/runtime/{path} HTTP/1.1".encode(), *headers, b"Content-Length: %d" % len(body)]
        self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body + then)

    def receive(self, until: bytes) -> bytes:
        """Read until the bytes end so."""
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
    script: Callable[[ScriptedClient], None], limit_s: float = LIMIT_S, ended: bool = False
) -> Iterator[tuple[RuntimeApi, ScriptedClient]]:
    """An API and a client of it."""
    with RuntimeApi(lambda: ended, limit_s) as api:
        client = ScriptedClient(api.address, script)
        try:
            yield api, client
        finally:
            client.close()


def answer_and_poll(client: ScriptedClient) -> None:
    """Poll, answer, poll again, one after the other."""
    client.send(POLL)
    client.receive(b'{"a":1}')
    client.post(f"invocation/{ID}/response", b"[1]")
    client.receive(b'{"status":"OK"}\n')
    client.send(POLL)


def test_an_invocation_has_the_heads_of_the_real_server() -> None:
    """Names, order and framing; the answer is accepted before the next poll."""
    with served(answer_and_poll) as (api, client):
        polled_at = api.await_poll()
        exchanged = api.invoke(ID, b'{"a":1}')
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
    assert (exchanged.answer.body, exchanged.answer.failed) == (b"[1]", False)
    assert polled_at <= exchanged.sent_at <= exchanged.answered_at <= exchanged.polled_at
    assert api.own_cpu_s > 0


@pytest.mark.parametrize(("size", "chunked"), [(2048, False), (2049, True), (200_000, True)])
def test_long_events_come_in_a_chunk(size: int, chunked: bool) -> None:
    """As from a server in Go, from 2049 bytes on."""
    event = b'"' + b"x" * (size - 2) + b'"'
    end = b"\r\n0\r\n\r\n" if chunked else b'x"'

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(end)
        client.post(f"invocation/{ID}/response", b"1", then=POLL)

    with served(script) as (api, client):
        api.await_poll()
        exchanged = api.invoke(ID, event)
    assert exchanged.answered_at == exchanged.polled_at, "both came together"
    head, _, body = client.received[0].partition(b"\r\n\r\n")
    assert (b"Transfer-Encoding: chunked" in head, b"Content-Length" in head) == (chunked, not chunked)
    assert body == (b"%x\r\n%b\r\n0\r\n\r\n" % (size, event) if chunked else event)


def test_errors_are_answers_also_those_in_a_trailer() -> None:
    """A streamed response may fail half-way."""

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
        answers = [api.invoke(ID, b"{}").answer for _ in range(2)]
    assert [str(answer) for answer in answers] == ["the error KeyError: x", "the error Late"]


def test_a_client_that_waits_for_continue_gets_it() -> None:
    """As curl does with long bodies."""

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(b"{}")
        client.post(f"invocation/{ID}/response", b"", b"Expect: 100-continue")  # nothing to wait for
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
        assert [api.invoke(ID, b"{}").answer.body for _ in range(2)] == [b"", b"12"]


def test_shutdown_hooks_register_as_an_extension() -> None:
    """On a connection of its own; its poll is not answered, and not taken for the runtime's."""

    def script(client: ScriptedClient) -> None:
        client.send(b"POST /2020-01-01/extension/register HTTP/1.1\r\nContent-Length: 13\r\n\r\n" + b'{"events":[]}')
        client.receive(b'"handler":""}')
        client.send(b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n\r\n")
        client.connect()
        answer_and_poll(client)

    with served(script) as (api, client):
        api.await_poll()
        assert api.invoke(ID, b'{"a":1}').answer.body == b"[1]"
    assert b"\r\nLambda-Extension-Identifier: " in client.received[0]


def test_a_failed_init_is_told() -> None:
    """With type and message, and the client has its 202."""

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
def test_what_a_runtime_does_not_send(script: Callable[[ScriptedClient], None], message: str) -> None:
    """It is named."""
    with served(script) as (api, _), pytest.raises(ClientFailed, match=message):
        api.await_poll()


@pytest.mark.parametrize("path", [f"invocation/{ID[:-1]}9/response", f"invocation/{ID}/other"])
def test_an_answer_to_another_invocation(path: str) -> None:
    """It does not count."""

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(b"{}")
        client.post(path, b"1")

    with served(script) as (api, _):
        api.await_poll()
        with pytest.raises(ClientFailed, match="unexpected request"):
            api.invoke(ID, b"{}")


def test_a_poll_in_place_of_an_answer() -> None:
    """The runtime lost the invocation."""

    def script(client: ScriptedClient) -> None:
        client.send(POLL)
        client.receive(b"{}")
        client.send(POLL)

    with served(script) as (api, _):
        api.await_poll()
        with pytest.raises(ClientFailed, match="no answer"):
            api.invoke(ID, b"{}")


def test_the_end_of_the_process_is_noticed() -> None:
    """Also when it never connected."""
    with (
        served(lambda client: None, ended=True) as (api, _),
        pytest.raises(ClientFailed, match="ended before its first poll"),
    ):
        api.await_poll()


def test_a_process_that_hangs_is_not_waited_for() -> None:
    """The limit is in the message."""
    with (
        served(lambda client: None, limit_s=0.1) as (api, _),
        pytest.raises(ClientFailed, match=r"longer than 0\.1 s before its first poll"),
    ):
        api.await_poll()
