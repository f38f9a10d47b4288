"""Doubles of AWS: moto's server, and a server whose responses get lost."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.client_process import GUARD

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}
REGIONS = ("eu-central-1", "us-east-1")
_KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def settings(folder: Path) -> dict[str, str]:
    """Return variables that hide the user's AWS settings from boto3."""
    return {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")}


@contextmanager
def moto() -> Iterator[str]:
    """Start a server of moto's with nothing in it, which knows the regions of the tests; yield its address."""
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    pytest.importorskip("moto", reason="moto is not installed: pip install 'moto[server]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of moto's dependencies, at their import
        from moto.core.config import default_user_config
        from moto.moto_api._internal.models import moto_api_backend
        from moto.server import ThreadedMotoServer

    moto_api_backend.reset()
    default_user_config["lambda"] = {"use_docker": False}
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        # The server answers with status 500 when the first requests of two regions come at the same time.
        for region in REGIONS:
            boto3.client("lambda", region, endpoint_url=url, **_KEYS).list_layers()
        yield url
    finally:
        server.stop()
        default_user_config["lambda"] = {"use_docker": True}


class LosesAnswers:
    """A Lambda without layers, which accepts a layer and closes the connection without a response.

    `requests` has the method and path of each request. With `silent` it keeps the connection open without a
    response; `taken` is set when it has received a layer.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.taken = threading.Event()
        self._over = threading.Event()

    def __enter__(self) -> LosesAnswers:
        self.requests: list[str] = []
        requests, service = self.requests, self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(f"GET {self.path.partition('?')[0]}")
                body = json.dumps({"LayerVersions": []}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                requests.append(f"POST {self.path}")
                self.rfile.read(int(self.headers["Content-Length"]))
                self.close_connection = True
                service.taken.set()
                if service.silent:
                    service._over.wait(GUARD)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join(GUARD)
        self._server.server_close()
