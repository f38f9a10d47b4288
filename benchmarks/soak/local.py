"""A soak run of the local Lambda: invocations through Invoke, the function URL and the queue, some of which fail."""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ..build_cache import DEFAULT_BUILD
from .runtime import APP, TIMEOUT_S
from .samples import PARTS, Sampler, Soak

_KINDS = {"echo": 9700, "error": 100, "storm": 100, "crash": 90, "timeout": 10}
_WAYS = ("invoke", "invoke", "url", "queue")  # one thread each
_QUEUED = 8  # events that wait at the same time


def run(soak: Soak, count: int) -> None:
    """Start `serve`, send events, and check that each ran once and had the right answer."""
    DEFAULT_BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="soak-", dir=DEFAULT_BUILD) as folder:  # environments have their own /tmp
        record = Path(folder, "record")
        record.touch()
        command = [sys.executable, "-m", "awslambdaric_lite.cli", "serve", "app.handler", "--task-root", str(APP)]
        options = [
            "--port",
            "0",
            "--url-port",
            "0",
            "--timeout",
            "3",
            "--retries",
            "0",
            "--concurrency",
            "20",
            "--json",
        ]
        process = subprocess.Popen(
            [*command, *options, "--env", f"SOAK_RECORD={record}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            served = json.loads(process.stdout.readline())
            threading.Thread(target=_discard, args=(process.stdout,), daemon=True).start()
            _Run(served, record, soak, count).send(Sampler(process.pid, soak))
        finally:
            process.terminate()
            process.wait()
            if process.stdout:
                process.stdout.close()


def _discard(lines: Any) -> None:
    for _ in lines:
        pass


class _Run:
    """The threads that send events, and what they counted."""

    def __init__(self, served: dict[str, Any], record: Path, soak: Soak, count: int) -> None:
        self._addresses = {
            "invoke": served["endpointUrl"],
            "queue": served["endpointUrl"],
            "url": served["functionUrl"],
        }
        self._record = record
        self._soak = soak
        self._count = count
        self._numbers = iter(range(count))
        self._lock = threading.Lock()
        self._done = 0
        self._counted: Counter[str] = Counter()
        self._waiting: set[int] = set()  # numbers of events in the queue

    def send(self, sampler: Sampler) -> None:
        """Send all events, take samples meanwhile, and compare the record."""
        threads = [threading.Thread(target=self._work, args=(way, seed, sampler)) for seed, way in enumerate(_WAYS)]
        for thread in threads:
            thread.start()
        part, taken = max(1, self._count // PARTS), 0
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.02)
            if self._done >= (taken + 1) * part:
                sampler.take(self._done, part)
                taken += 1
        self._wait_for_queue()
        while taken < PARTS:
            sampler.take(self._done, part)
            taken += 1
        found = Counter(map(int, self._record.read_text().split()))
        lost = [number for number in range(self._count) if number not in found]
        doubled = [number for number, times in found.items() if times > 1]
        self._soak.counts = {**self._counted, "lost": len(lost), "doubled": len(doubled)}
        if lost or doubled:
            self._soak.problems.append(f"lost: {lost[:10]}, doubled: {doubled[:10]}")

    def _wait_for_queue(self) -> None:
        end = time.monotonic() + TIMEOUT_S
        while self._forget_recorded() and time.monotonic() < end:
            time.sleep(0.05)

    def _forget_recorded(self) -> int:
        """Return how many events wait in the queue."""
        self._waiting -= set(map(int, self._record.read_text().split()))
        return len(self._waiting)

    def _work(self, way: str, seed: int, sampler: Sampler) -> None:
        choose = random.Random(seed)
        host, _, port = self._addresses[way].removeprefix("http://").strip("/").rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
        while not self._soak.problems:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                break
            kind = choose.choices(list(_KINDS), list(_KINDS.values()))[0]
            event = {"number": number, "kind": kind, "text": "x" * 200}
            begun = time.perf_counter()
            try:
                problem = self._send(connection, way, event)
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            with self._lock:
                sampler.add(time.perf_counter() - begun)
                self._done += 1
                self._counted[f"{way}, {kind}"] += 1
            if problem:
                self._soak.problems.append(f"event {number} ({way}, {kind}): {problem}")
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, way: str, event: dict[str, Any]) -> str | None:
        """Send an event; return what is wrong with the answer."""
        body = json.dumps(event).encode()
        path, headers = "/2015-03-31/functions/function/invocations", {}
        if way == "url":
            return self._ask_url(connection, event)
        if way == "queue":
            headers["X-Amz-Invocation-Type"] = "Event"
            self._waiting.add(event["number"])
            while len(self._waiting) > _QUEUED and self._forget_recorded() > _QUEUED and not self._soak.problems:
                time.sleep(0.005)
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        if way == "queue":
            return None if response.status == 202 else f"{response.status} {answer[:200]!r}"
        failed = response.getheader("X-Amz-Function-Error") is not None
        if response.status != 200 or failed != (event["kind"] not in ("echo", "storm")):
            return f"{response.status} {answer[:200]!r}"
        return None if failed or json.loads(answer) == event else f"another answer: {answer[:200]!r}"

    def _ask_url(self, connection: http.client.HTTPConnection, event: dict[str, Any]) -> str | None:
        connection.request("POST", "/", json.dumps(event), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if event["kind"] in ("echo", "storm"):
            return (
                None if response.status == 200 and json.loads(answer) == event else f"{response.status} {answer!r:.200}"
            )
        return None if response.status == 502 else f"{response.status} {answer!r:.200}"
