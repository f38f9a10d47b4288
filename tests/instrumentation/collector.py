"""A local server for reports of error and APM tools, which keeps the JSON of each request."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """One request: its path, and one JSON value for each line of its body."""

    path: str
    values: tuple[Any, ...]


class Collector:
    """An HTTP server on a free port; a context manager."""

    def __init__(self) -> None:
        self._deliveries: list[Delivery] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def deliveries(self) -> list[Delivery]:
        """The requests that have arrived, in order."""
        with self._lock:
            return list(self._deliveries)

    def add(self, delivery: Delivery) -> None:
        """Keep a delivery."""
        with self._lock:
            self._deliveries.append(delivery)

    def sentry_events(self) -> list[dict[str, Any]]:
        """Return the events in Sentry's envelopes: a header, then pairs of item header and item."""
        events = []
        for delivery in self.deliveries:
            items = delivery.values[1:]
            for header, item in zip(items[::2], items[1::2], strict=True):
                if header["type"] == "event":
                    events.append(item)
        return events

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                values = tuple(json.loads(line) for line in body.splitlines() if line)
                collector.add(Delivery(self.path, values))
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        return Handler
