"""A soak run of the runtime: one process with many invocations, each with a new id and trace id."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .samples import PARTS, Sampler, Soak

APP = Path(__file__).with_name("app")
DEFAULT = (sys.executable, "-m", "awslambdaric_lite")
TIMEOUT_S = 60.0
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
_KINDS = {"echo": 70, "error": 10, "coroutine": 10, "stream": 10}
_SIZES = {10: 50, 1_000: 30, 20_000: 15, 300_000: 1}  # characters, with their weights


def events(count: int) -> Sequence[dict[str, Any]]:
    """Return a part of the events that a run repeats: the same in each run."""
    choose = random.Random(1)
    kinds = choose.choices(list(_KINDS), list(_KINDS.values()), k=count)
    sizes = choose.choices(list(_SIZES), list(_SIZES.values()), k=count)
    return [{"kind": kind, "text": "x\u00e9" * (size // 2)} for kind, size in zip(kinds, sizes, strict=True)]


def run(soak: Soak, count: int, command: Sequence[str] = DEFAULT) -> None:
    """Start the runtime, invoke it `count` times, and check each response."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT_S)
        address = "{}:{}".format(*listener.getsockname()[:2])
        environment = {"AWS_LAMBDA_RUNTIME_API": address, "LAMBDA_TASK_ROOT": str(APP), "PATH": "/usr/bin:/bin"}
        process = subprocess.Popen(
            [*command, "app.handler"], env=environment, cwd=APP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        server = _Server(listener)
        try:
            _invoke(server, Sampler(process.pid, soak), soak, count)
        finally:
            process.kill()
            process.wait()
            server.close()


def _invoke(server: _Server, sampler: Sampler, soak: Soak, count: int) -> None:
    prepared = [(event, json.dumps(event).encode()) for event in events(10_000)]
    counted: Counter[str] = Counter()
    part = max(1, count // PARTS)
    server.request()
    for number in range(count):
        event, body = prepared[number % len(prepared)]
        begun = time.perf_counter()
        server.send_event(number, body)
        path, answer = server.request()
        sampler.add(time.perf_counter() - begun)
        server.accept()
        verb = "error" if event["kind"] == "error" else "response"
        if not path.endswith(f"/invocation/{number}/{verb}") or not _is_right(event, answer):
            soak.problems.append(f"invocation {number} ({event['kind']}): {path}: {answer[:100]!r}")
            return
        counted[event["kind"]] += 1
        path, _ = server.request()
        if not path.endswith("/invocation/next"):
            soak.problems.append(f"after invocation {number}: {path} instead of the next poll")
            return
        if (number + 1) % part == 0:
            sampler.take(number + 1, part)
    soak.counts = dict(counted)


def _is_right(event: dict[str, Any], answer: bytes) -> bool:
    if event["kind"] == "stream":
        return answer == str(event["text"]).encode() * 3
    found = json.loads(answer)
    if event["kind"] == "error":
        return bool(found["errorMessage"] == event["text"] and found["errorType"] == "ValueError")
    return bool(found == event)


class _Server:
    """A Runtime API with one client."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._connection: socket.socket | None = None
        self._data = b""

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()

    def send_event(self, number: int, body: bytes) -> None:
        """Answer a poll."""
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {number}\r\n"
            "Lambda-Runtime-Deadline-Ms: 9999999999999\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:012345678912:function:soak\r\n"
            f"Lambda-Runtime-Trace-Id: Root=1-{number:08x}-000000000000000000000000;Sampled=0\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._send(head.encode() + body)

    def accept(self) -> None:
        """Confirm a result or an error."""
        self._send(_ACCEPTED)

    def request(self) -> tuple[str, bytes]:
        """Return the path and the body of the next request, on this connection or on the next one."""
        while b"\r\n\r\n" not in self._data:
            self._receive(between_requests=not self._data)
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        path = lines[0].split(" ")[1]
        if fields.get("transfer-encoding") == "chunked":
            return path, self._chunks()
        return path, self._take(int(fields.get("content-length", 0)))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._line(), 16):
            body += self._take(size)
            self._line()
        while self._line():
            pass  # trailers
        return body

    def _line(self) -> bytes:
        while b"\r\n" not in self._data:
            self._receive()
        line, _, self._data = self._data.partition(b"\r\n")
        return line

    def _take(self, size: int) -> bytes:
        while len(self._data) < size:
            self._receive()
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def _send(self, data: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(data)

    def _receive(self, *, between_requests: bool = False) -> None:
        data = self._connection.recv(1 << 20) if self._connection else b""
        if not data:
            if self._connection and not between_requests:
                raise ConnectionError("the runtime closed the connection in the middle of a request")
            if self._connection:
                self._connection.close()
            self._connection, _ = self._listener.accept()
            self._connection.settimeout(TIMEOUT_S)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data += data
