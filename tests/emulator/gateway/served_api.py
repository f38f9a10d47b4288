"""An API on a port, in front of a double of the functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any

import urllib3

from awslambdaric_lite.emulator.config.project import Api, Route
from awslambdaric_lite.emulator.gateway.api import ApiGateway
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.results import FunctionOutcome, Invocation

from ..harness import Client
from ..loop_thread import LoopThread
from ..waiting import WAIT

OK = {"statusCode": 200}


def http_api(*routes: Route, **settings: Any) -> Api:
    """Return an HTTP API."""
    return Api("Shop", "HTTP", routes, **{"stage": "$default", **settings})


def rest_api(*routes: Route, **settings: Any) -> Api:
    """Return a REST API."""
    return Api("Store", "REST", routes, **{"stage": "prod", **settings})


class ServedApi(LoopThread):
    """An API and its server in an event loop of a thread, in a `with` block.

    `result` is the result of every invocation: a value for JSON, bytes, an exception, or None for an invocation that
    never ends.
    """

    def __init__(self, api: Api, result: Any = OK, *, error_type: str | None = None) -> None:
        super().__init__()
        self.invocations: list[tuple[str, str | None, Invocation]] = []
        self._result = result
        self._error_type = error_type

        async def start() -> None:
            self.application = ApiGateway(api, self._submit, region="eu-west-1", account="111122223333")
            self.server = HttpServer(self.application)

        try:
            self.wait(start())
        except BaseException:
            self.stop()
            raise
        self.pool = urllib3.HTTPConnectionPool(
            self.server.host, self.server.port, maxsize=4, retries=False, timeout=WAIT
        )

    def _submit(self, name: str, qualifier: str | None, invocation: Invocation) -> None:
        self.invocations.append((name, qualifier, invocation))
        if isinstance(self._result, Exception):
            invocation.abandon(self._result)
        elif self._result is not None:
            payload = self._result if isinstance(self._result, bytes) else json.dumps(self._result).encode()
            invocation.answer(FunctionOutcome(payload, error_type=self._error_type))

    def __enter__(self) -> ServedApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.pool.close()
        for _, _, invocation in self.invocations:
            invocation.abandon(RuntimeError("closed"))
        self.wait(self.application.close())
        self.run(self.server.close)
        self.stop()

    @property
    def events(self) -> list[Any]:
        """The events of all invocations."""
        return [json.loads(invocation.event) for _, _, invocation in self.invocations]

    def request(
        self, method: str, target: str = "/", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and read the response."""
        return self.pool.urlopen(method, target, body, headers, redirect=False)

    def send(self, *lines: str, after: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Send the lines of a request, with a Host, and bytes after its head; read the response."""
        with Client(self.server.address) as client:
            head = "\r\n".join([lines[0], f"Host: {self.server.address}", *lines[1:], "", ""])
            status, headers, content = client.ask(head.encode("utf-8", "surrogateescape") + after)
            return status, headers, content


def serve_each(api: Api, results: list[Any], ask: Callable[[ServedApi], Any]) -> list[Any]:
    """Serve the API once for each result; return what `ask` returns."""
    found = []
    for result in results:
        with ServedApi(api, result) as served:
            found.append(ask(served))
    return found
