"""The servers of jobs without the load generator."""

from __future__ import annotations

import socket
import threading

import pytest

from benchmarks.build_cache import Unavailable
from benchmarks.managed import PollCounter
from benchmarks.streaming import StreamReader

POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(address: str) -> socket.socket:
    """Connect to a server."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=110)


def test_poll_counter_waits_for_requests() -> None:
    """`PollCounter` waits for whole requests on the given number of connections."""
    with PollCounter() as api, connect(api.address) as first, connect(api.address) as second:
        first.sendall(POLL)
        second.sendall(POLL[:20])
        api.wait_for(1)
        second.sendall(POLL[20:])
        api.wait_for(2)


def test_exited_worker_is_error() -> None:
    """A worker that reports an init error is an error with the reason."""
    with PollCounter() as api, connect(api.address) as client:
        client.sendall(b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\n\r\n")
        with pytest.raises(Unavailable, match="init/error"):
            api.wait_for(1)


def test_stream_is_read_completely() -> None:
    """`StreamReader` returns the times of the first and the last byte, and counts all bytes with framing."""
    body = b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
    api = StreamReader()
    events: list[bytes] = []

    def runtime() -> None:
        with connect(api.address) as client:
            client.sendall(POLL)
            events.append(client.recv(65536))
            client.sendall(b"POST /response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body[:12])
            client.sendall(body[12:])
            events.append(client.recv(65536))

    thread = threading.Thread(target=runtime)
    thread.start()
    first, whole, size = api.invoke(7, b'{"a":1}')
    thread.join()
    api.close()
    assert 0 < first <= whole
    assert size == len(body)
    assert b"Request-Id: 7\r\n" in events[0] and events[0].endswith(b'{"a":1}')
    assert events[1].startswith(b"HTTP/1.1 202 ")
