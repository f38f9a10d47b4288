"""Doubles of the server of interpreters, and of the index of their addresses."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from pbs_installer import PythonVersion


class Releases:
    """An HTTP server; `requests` has the method and the path of each request.

    `files` are served by path, `any_file` for every other path; `statuses` are answered first, one for each request;
    with `cut_short`, bodies end before their declared length; `redirects` lead from one path to another.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.statuses: list[int] = []
        self.redirects: dict[str, str] = {}
        self.any_file: bytes | None = None
        self.cut_short = False
        self.requests: list[str] = []
        releases = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                releases.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Return the address, without a final slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Releases:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request, and record it."""
        self.requests.append(f"{request.command} {request.path}")
        request.close_connection = True
        if self.statuses:
            request.send_response(self.statuses.pop(0))
        elif request.path in self.redirects:
            request.send_response(302)
            request.send_header("Location", self.redirects[request.path])
        elif (body := self.files.get(request.path, self.any_file)) is not None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body[: len(body) // 2] if self.cut_short else body)
            return
        else:
            request.send_response(404)
        request.send_header("Content-Length", "0")
        request.end_headers()


class Index:
    """A double of `pbs_installer.get_download_link`; `asked` has its arguments."""

    def __init__(self, url: str, sha256: str | None, release: tuple[int, int, int] = (3, 13, 7)) -> None:
        self.url = url
        self.sha256 = sha256
        self.release = release
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, request: str, arch: str, platform: str) -> tuple[PythonVersion, tuple[str, str | None]]:
        self.asked.append((request, arch, platform))
        return PythonVersion("cpython", *self.release), (self.url, self.sha256)
