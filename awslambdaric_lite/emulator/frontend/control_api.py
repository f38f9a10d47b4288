"""The Lambda API of a project: invocations, and the control plane.

`control_reading` and `control_writing` have the operations, `control_members` checks requests, `control_settings` reads
settings, and `control_shapes` makes the answers.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from ...common.json_text import compact
from ...common.quotas import MAX_PAYLOAD
from ..http.authority import foreign_origin
from ..http.exchange import Exchange, RecordedRequest, finish_responses
from .control_members import read_body, read_query
from .control_reading import READING, Call, Operation
from .control_writing import WRITING
from .invoke_api import InvokeApi, refuse
from .service_errors import ServiceError, access_denied

if TYPE_CHECKING:
    from ..project_service import ProjectService

_MAX_UPLOAD = 70_167_211  # bytes of a request with a zip file in base64; source: AWS's message
_UPLOADS = ("CreateFunction", "UpdateFunctionCode")

# Paths of operations of the service, as in botocore's model.
_SERVICE = re.compile(
    r"/20\d\d-\d\d-\d\d/(functions|layers|event-source-mappings|tags|account-settings|code-signing-configs"
    r"|capacity-providers|durable-executions|durable-execution-callbacks|resource-policy)(/.*)?"
)
_INVOCATION = re.compile(r"/[^/]+/functions/[^/]+/(invocations|response-streaming-invocations|invoke-async)/?")


class Route(NamedTuple):
    """An operation of the control plane."""

    name: str
    status: int
    run: Operation
    path: Mapping[str, str]
    """The parts of the path."""


class LambdaApi:
    """Application that serves the functions of a project; all calls come from their event loop."""

    def __init__(self, service: ProjectService) -> None:
        self._service = service
        self._invoke = InvokeApi(service.functions)
        self._calls: dict[Exchange, tuple[Route, Call]] = {}  # of requests whose bodies are being received
        self._tasks: dict[asyncio.Task[None], Exchange] = {}

    async def close(self) -> None:
        """Wait for unfinished responses; to be called after the functions are closed, before the server is."""
        await self._invoke.close()
        await finish_responses(self._tasks)

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Refuse the requests that can be refused without their body, and limit the size of the others."""
        request = exchange.request
        path, _, query = request.path.partition("?")
        if not _SERVICE.fullmatch(path) or _INVOCATION.fullmatch(path):
            return self._invoke.on_head(exchange)
        try:
            if (reason := foreign_origin(request)) is not None:
                raise access_denied(reason.rstrip())
            parameters = dict(parse_qsl(query))
            route = _find(request, path, parameters)
            call = Call(self._service, route.path, read_query(parameters))
            limit = _MAX_UPLOAD if route.name in _UPLOADS else MAX_PAYLOAD
            _check_size(route.name, int(request.header("Content-Length") or 0), limit)
        except Exception as error:
            return refuse(exchange, error)

        def on_data(data: bytes) -> None:
            exchange.body += data
            try:
                _check_size(route.name, len(exchange.body), limit)
            except ServiceError as error:
                del self._calls[exchange]
                refuse(exchange, error)

        self._calls[exchange] = route, call
        exchange.on_data = on_data
        return None

    def on_body(self, exchange: Exchange) -> None:
        """Run the operation, or the invocation."""
        if exchange not in self._calls:
            return self._invoke.on_body(exchange)
        task = asyncio.get_running_loop().create_task(self._run(exchange, *self._calls.pop(exchange)))
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.pop)
        return None

    def on_truncated(self, exchange: Exchange) -> None:
        """Forget a truncated request."""
        if self._calls.pop(exchange, None) is None:
            self._invoke.on_truncated(exchange)

    def on_lost(self, exchange: Exchange) -> None:
        """Complete the operation of a disconnected caller."""
        self._invoke.on_lost(exchange)

    async def _run(self, exchange: Exchange, route: Route, call: Call) -> None:
        try:
            call.body = read_body(route.name, bytes(exchange.body))
            exchange.body.clear()
            answer = await route.run(call)
        except Exception as error:
            return refuse(exchange, error)
        body = b"" if answer is None else compact(answer, ascii_only=True).encode()
        headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", str(uuid.uuid4()))]
        return exchange.respond(route.status, headers, body, "length")


def _find(request: RecordedRequest, path: str, query: Mapping[str, str]) -> Route:
    """Return the operation of a request.

    Raises:
        ServiceError: it is not offered.
    """
    for name, (route, status, operation) in WRITING.items():
        if (parts := _match(route, request.method, path, query)) is not None:
            return Route(name, status, operation, parts)
    for name, (route, operation) in READING.items():
        if (parts := _match(route, request.method, path, query)) is not None:
            return Route(name, 200, operation, parts)
    text = f"{request.method} {path} is not offered by the local Lambda"
    raise ServiceError(501, "NotImplementedException", text)


def _match(route: str, method: str, path: str, query: Mapping[str, str]) -> dict[str, str] | None:
    """Return the parts of a path that a route names; None if the request is not one of the route."""
    wanted_method, _, rest = route.partition(" ")
    wanted_path, _, wanted_query = rest.partition("?")
    wanted, parts = wanted_path.split("/"), path.rstrip("/").split("/")
    name, _, value = wanted_query.partition("=")
    if method != wanted_method or len(wanted) != len(parts) or query.get(name, "") != value:
        return None
    found = {}
    for expected, part in zip(wanted, parts, strict=True):
        if expected.startswith("{") and part:
            found[expected[1:-1]] = unquote(part)
        elif expected != part:
            return None
    return found


def _check_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        text = f"Request must be smaller than {limit} bytes for the {name} operation"
        raise ServiceError(413, "RequestEntityTooLargeException", text)
