"""Streamed responses: time to the first byte, and throughput by size of chunk.

The official client cannot stream, so these are figures, not comparisons.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass

from .build_cache import Unavailable
from .contenders import BASELINE, Contender
from .job import Bench, Samples
from .loadgen import RunFailed

CHUNKS = (100, 8 << 10, 64 << 10, 1 << 20)  # bytes
TOTAL = 64 << 20  # bytes of a stream, less where chunks are small
TIMEOUT = 60.0  # seconds
_END_OF_HEAD = b"\r\n\r\n"
_ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'
)


class StreamReader:
    """A Runtime API that sends one event after the other and reads the streamed responses."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT)
        self.address = "{}:{}".format(*self._listener.getsockname()[:2])

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def invoke(self, number: int, event: bytes) -> tuple[float, float, int]:
        """Respond to the next poll with an event and read its stream.

        Returns seconds to the first byte of the body, seconds to its end, and its bytes with their framing.
        """
        client, _ = self._listener.accept()
        with client:
            client.settimeout(TIMEOUT)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _read_head(client)
            head = f"Lambda-Runtime-Aws-Request-Id: {number}\r\nContent-Type: application/json\r\n"
            begun = time.perf_counter()
            client.sendall(f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(event)}\r\n\r\n".encode() + event)
            body = _read_head(client) or client.recv(1 << 16)
            first = time.perf_counter() - begun
            size, end = len(body), body[-5:]
            buffer = bytearray(1 << 20)
            while end != b"0\r\n\r\n":
                count = client.recv_into(buffer)
                if not count:
                    raise Unavailable("the stream broke off")
                size += count
                end = (end + buffer[max(0, count - 5) : count])[-5:]
            whole = time.perf_counter() - begun
            client.sendall(_ACCEPTED)
            client.recv(1)  # the client closes a connection that was streamed on
        return first, whole, size


def _read_head(client: socket.socket) -> bytes:
    """Read up to the end of a request's head; return the bytes received after it."""
    data = b""
    while _END_OF_HEAD not in data:
        piece = client.recv(1 << 16)
        if not piece:
            raise Unavailable(f"no request: {data[:200]!r}")
        data += piece
    return data.partition(_END_OF_HEAD)[2]


@dataclass(frozen=True)
class Streaming:
    """A job: one process sends streams with one size of chunk after the other; the first of each is not counted."""

    streams: int = 20
    total: int = TOTAL
    contenders: tuple[str, ...] = ("lite",)
    every: int = 5
    rehearsed: bool = False
    disturbing: bool = False
    runs_per_round: int = 1
    name: str = "streaming"
    suite: str = "streaming"

    @property
    def measures(self) -> Collection[str]:
        """Return the names of the measures, in seconds and bytes a second."""
        return ["event_to_first_byte", *map(_throughput, CHUNKS)]

    def prepare(self, bench: Bench) -> None:
        """Stage the handler."""
        bench.application("streaming")

    def suits(self, contender: Contender) -> bool:
        """Return whether the contender can stream."""
        client = contender.client
        return client.handlers is None and client.opt is None and not contender.base.startswith(BASELINE)

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the process once.

        Raises:
            RunFailed: a stream broke off, or had another number of bytes.
        """
        try:
            return self._measure(bench, contender)
        except (Unavailable, OSError) as reason:
            raise RunFailed(str(reason)) from reason

    def _measure(self, bench: Bench, contender: Contender) -> Samples:
        api, application = StreamReader(), bench.application("streaming")
        environment = bench.environment(contender, application, "stream") | {"AWS_LAMBDA_RUNTIME_API": api.address}
        process = subprocess.Popen(
            contender.command("stream"),
            env=environment,
            cwd=application.root,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        samples: Samples = {}
        try:
            for chunk in CHUNKS:
                total = min(self.total, chunk * 20_000) // chunk * chunk
                event = f'{{"chunk":{chunk},"total":{total}}}'.encode()
                for number in range(self.streams + 1):
                    first, whole, size = api.invoke(number, event)
                    if size < total:
                        raise Unavailable(f"a stream of {total} bytes came as {size}")
                    if number:
                        samples.setdefault("event_to_first_byte", []).append(first)
                        samples.setdefault(_throughput(chunk), []).append(total / whole)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            api.close()
        return samples


def _throughput(chunk: int) -> str:
    return f"stream_{chunk}_bytes_per_second"
