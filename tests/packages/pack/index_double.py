"""A package index over HTTP (PEP 503 and PEP 691) that records what clients send."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class IndexDouble:
    """An index of the files in a folder, which clients reach below `/simple`.

    `status` is what it answers to requests for projects, `entry` the user name and password that it wants.
    """

    folder: Path
    port: int = 0
    status: int = 200
    entry: str = ""
    as_json: bool = False
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return its address, without credentials."""
        return f"http://127.0.0.1:{self.port}/simple"

    @property
    def url_with_entry(self) -> str:
        """Return its address with credentials."""
        return self.url.replace("//", f"//{self.entry}@")


@contextmanager
def serving(folder: Path) -> Iterator[IndexDouble]:
    """Serve the files of a folder."""
    folder.mkdir(exist_ok=True)
    double = IndexDouble(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            double.requests.append(self.path)
            expected = f"Basic {base64.b64encode(double.entry.encode()).decode()}"
            if double.entry and self.headers.get("Authorization") != expected:
                self._reply(401, b"", "text/plain")
            elif double.status != 200:
                self._reply(double.status, b"", "text/plain")
            elif self.path.startswith("/simple/"):
                self._project(self.path.split("/")[2])
            else:
                self._reply(200, (double.folder / self.path.rpartition("/")[2]).read_bytes(), "application/zip")

        do_HEAD = do_GET

        def _project(self, name: str) -> None:
            files = [
                path for path in sorted(double.folder.iterdir()) if path.name.split("-")[0].replace("_", "-") == name
            ]
            if not files:
                self._reply(404, b"", "text/plain")
                return
            digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
            if double.as_json:
                listed = [
                    {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": digest}}
                    for file, digest in digests.items()
                ]
                body = json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": listed})
                self._reply(200, body.encode(), "application/vnd.pypi.simple.v1+json")
            else:
                links = "".join(
                    f'<a href="/files/{file}#sha256={digest}">{file}</a>\n' for file, digest in digests.items()
                )
                self._reply(200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")

        def _reply(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if self.command == "GET" else b"")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        double.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield double
        finally:
            server.shutdown()
