"""Streamed responses, `python -m benchmarks.streaming`: time to the first byte, and bytes a second by size of chunk.

The official client cannot stream, so these are figures, not comparisons.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from . import interpreter, machine, suite
from .contenders import Contender, Registry
from .results import Results
from .runner import ENVIRONMENT
from .tables import Table, show
from .workshop import HERE, Unavailable, Workshop, build_directory

APP = HERE / "contenders" / "streaming_app"
CHUNKS = (100, 8 << 10, 64 << 10, 1 << 20)  # bytes
TOTAL = 64 << 20  # bytes of a stream, less where chunks are small
STREAMS = 20  # of each size in a process
TIMEOUT = 60.0  # seconds
_END_OF_HEAD = b"\r\n\r\n"
_TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'


class StreamReader:
    """A Runtime API that hands out one event after the other and reads what is streamed."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT)
        self.address = "{}:{}".format(*self._listener.getsockname()[:2])

    def close(self) -> None:
        """Listen no longer."""
        self._listener.close()

    def invoke(self, number: int, event: bytes) -> tuple[float, float, int]:
        """Answer the next poll with an event and read its stream.

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
            client.sendall(_TAKEN)
            client.recv(1)  # the client closes a connection that was streamed on
        return first, whole, size


def _read_head(client: socket.socket) -> bytes:
    """Read up to the end of a request's head; return what came behind it."""
    data = b""
    while _END_OF_HEAD not in data:
        piece = client.recv(1 << 16)
        if not piece:
            raise Unavailable(f"no request: {data[:200]!r}")
        data += piece
    return data.partition(_END_OF_HEAD)[2]


def measure(contender: Contender, app: Path) -> dict[str, list[float]]:
    """Stream in each size of chunk from one process; the first stream of a size is not counted."""
    api = StreamReader()
    environment = {
        **ENVIRONMENT,
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "LAMBDA_TASK_ROOT": str(app),
        "_HANDLER": "app.hello",
        **contender.client.environment,
        **contender.environment,
    }
    process = subprocess.Popen(
        contender.command("hello"), env=environment, cwd=app, stdin=subprocess.DEVNULL, start_new_session=True
    )
    samples: dict[str, list[float]] = {}
    try:
        for chunk in CHUNKS:
            total = min(TOTAL, chunk * 20_000)
            event = f'{{"chunk":{chunk},"total":{total}}}'.encode()
            for number in range(STREAMS + 1):
                first, whole, size = api.invoke(number, event)
                if number:
                    samples.setdefault("event_to_first_byte", []).append(first)
                    samples.setdefault(f"stream_{chunk}_bytes_per_second", []).append(size / whole)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        api.close()
    return samples


def table(results: Results) -> Table:
    """Show every measure."""
    found = Table("streaming", ["measure", "median", "n"])
    for name in results.measures():
        values = results.of("lite", name)
        median = statistics.median(values)
        text = f"{median * 1e6:.0f} µs" if name == "event_to_first_byte" else f"{median / 1e6:.0f} MB/s"
        found.rows.append([name, text, str(len(values))])
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure; print the table."""
    options = suite.parser("streaming", __doc__).parse_args(arguments)
    build = build_directory(options.build_dir)
    python = interpreter.prepare(options.python, build)
    workshop = Workshop(build, python)
    neighbours = machine.Neighbours()
    try:
        samples = measure(Registry(workshop).contender("lite"), workshop.stage("streaming_app", (APP, ".")))
    except (Unavailable, TimeoutError) as reason:
        raise SystemExit(f"benchmarks: {reason}") from reason
    results = suite.collected({"lite": samples}, STREAMS, python, neighbours, options.output)
    show([table(results)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
