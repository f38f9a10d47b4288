"""The Lambda API of SDKs (Invoke, InvokeWithResponseStream, InvokeAsync), and a health check.

It runs a request up to its response. `requests` reads requests, `service_errors` has the errors, and `asynchronous` has
the queue of events without a waiting caller.
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Coroutine
from typing import Any

from ..functions.registry import Registry
from ..http.authority import foreign_origin
from ..http.exchange import Exchange, finish_responses
from ..results import FunctionOutcome, Invocation
from ..streams import ResponseStream
from . import eventstream
from .requests import InvokeRequest, Operation, read_head
from .service_errors import access_denied, service_error

LOG_TAIL = 4096  # bytes of the log, before base64
_HEALTH_PATHS = ("/health", "/")
_ERROR_TRAILER = "lambda-runtime-function-error-type"


class InvokeApi:
    """Application that serves functions to callers; all calls come from their event loop."""

    def __init__(self, functions: Registry[Any]) -> None:
        self._functions = functions
        self._heads: dict[Exchange, InvokeRequest] = {}  # of requests whose bodies are being received
        self._streams: dict[Exchange, ResponseStream] = {}
        self._tasks: dict[asyncio.Task[None], Exchange] = {}

    @property
    def unfinished(self) -> int:
        """The number of requests whose bodies are being received."""
        return len(self._heads)

    async def close(self) -> None:
        """Wait for unfinished responses; to be called after the functions are closed, before the server is."""
        await finish_responses(self._tasks)

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Refuse the requests that can be refused without their body, and limit the size of the others."""
        request = exchange.request
        if (reason := foreign_origin(request)) is not None:
            return refuse(exchange, access_denied(reason.rstrip()))
        if request.method in ("GET", "HEAD") and request.path.partition("?")[0] in _HEALTH_PATHS:
            return self._health(exchange)
        try:
            head = read_head(request, self._functions)
        except Exception as error:
            return refuse(exchange, error)

        def on_data(data: bytes) -> None:
            exchange.body += data
            try:
                head.check_size(len(exchange.body))
            except Exception as error:
                del self._heads[exchange]
                refuse(exchange, error, head.request_id)

        self._heads[exchange] = head
        exchange.on_data = on_data
        return None

    def on_body(self, exchange: Exchange) -> None:
        """Invoke the function, queue the event, or only check it (DryRun)."""
        head = self._heads.pop(exchange)
        stream = ResponseStream() if head.operation is Operation.INVOKE_WITH_RESPONSE_STREAM else None
        try:
            invocation = head.invocation(bytes(exchange.body), stream)
            if head.invocation_type == "Event":
                head.target.entry.queue.put(invocation)
        except Exception as error:
            return refuse(exchange, error, head.request_id)
        exchange.body.clear()
        if head.invocation_type == "Event":
            return exchange.respond(202, [_request_id(head.request_id)], b"", "length")
        if head.invocation_type == "DryRun":
            return exchange.respond(204, [_request_id(head.request_id)], b"")
        if stream is None:
            return self._start(exchange, head, self._invoke(exchange, head, invocation))
        self._streams[exchange] = stream
        return self._start(exchange, head, self._invoke_with_stream(exchange, head, invocation, stream))

    def on_truncated(self, exchange: Exchange) -> None:
        """Forget a truncated request."""
        self._heads.pop(exchange, None)

    def on_lost(self, exchange: Exchange) -> None:
        """Discard the stream of a disconnected caller; the function continues."""
        if exchange in self._streams:
            self._streams[exchange].abandon()

    # The requests

    def _health(self, exchange: Exchange) -> None:
        state = {"status": "ok", **self._functions.state}
        body = b"" if exchange.request.method == "HEAD" else json.dumps(state).encode()
        exchange.respond(200, [("Content-Type", "application/json")], body, "length")

    def _start(self, exchange: Exchange, head: InvokeRequest, work: Coroutine[None, None, None]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception as error:
                refuse(exchange, error, head.request_id)
            finally:
                self._streams.pop(exchange, None)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.pop)

    async def _invoke(self, exchange: Exchange, head: InvokeRequest, invocation: Invocation) -> None:
        """Respond when the runtime has replied; with a log tail, when the invocation is complete."""
        head.target.entry.host.submit(invocation)
        answer = await asyncio.wrap_future(invocation.answered)
        headers = _answer_headers(head, answer.content_type or "application/octet-stream")
        if answer.error is not None:
            headers.append(("X-Amz-Function-Error", answer.error))
        if head.tail:
            headers.append(("X-Amz-Log-Result", await _log_tail(invocation)))
        exchange.respond(200, headers, answer.payload, "length")

    async def _invoke_with_stream(
        self, exchange: Exchange, head: InvokeRequest, invocation: Invocation, stream: ResponseStream
    ) -> None:
        """Forward the response while it is received, no faster than the caller reads."""
        head.target.entry.host.submit(invocation)
        if await stream.head is None:
            await asyncio.wrap_future(invocation.answered)  # raises if it could not be run
        exchange.start(200, _answer_headers(head, eventstream.CONTENT_TYPE))
        while exchange.open and (part := await stream.read()):
            exchange.write(eventstream.payload_chunk(part))
            await exchange.drained()
        exchange.write(await _last_frame(head, invocation))
        exchange.finish()


async def _last_frame(head: InvokeRequest, invocation: Invocation) -> bytes:
    """Return the last frame: of a success, a function error, or a failure of the service."""
    try:
        answer = await asyncio.wrap_future(invocation.answered)
    except Exception as error:  # the head has been sent: only a frame can report it
        failure = service_error(error)
        return eventstream.error(failure.name, str(failure))
    log_result = await _log_tail(invocation) if head.tail else None
    if answer.error is None:
        return eventstream.invoke_complete(log_result=log_result)
    return eventstream.invoke_complete(_error_code(answer), answer.payload.decode("utf-8", "replace"), log_result)


def _error_code(answer: FunctionOutcome) -> str | None:
    """Return the error type of the runtime's trailer, else the value of Invoke's `X-Amz-Function-Error`.

    The service documents neither: its open server forwards trailers like this, and callers check for Invoke's value.
    """
    return answer.error_type if any(name.lower() == _ERROR_TRAILER for name, _ in answer.trailers) else answer.error


async def _log_tail(invocation: Invocation) -> str:
    """Return the end of the log in base64, after the invocation is complete."""
    try:
        completion = await asyncio.wrap_future(invocation.completed)
    except Exception:  # e.g. closed before it is complete: the caller gets the response without a log
        return ""
    return base64.b64encode(completion.logs.encode("utf-8", "replace")[-LOG_TAIL:]).decode()


def _answer_headers(head: InvokeRequest, content_type: str) -> list[tuple[str, str]]:
    return [
        ("Content-Type", content_type),
        _request_id(head.request_id),
        ("X-Amz-Executed-Version", head.target.version),
    ]


def _request_id(value: str) -> tuple[str, str]:
    return ("x-amzn-RequestId", value)


def refuse(exchange: Exchange, error: Exception, request_id: str | None = None) -> None:
    """Respond with the service's error for a request that it refuses or fails to serve."""
    failure = service_error(error)
    headers = [*failure.headers, _request_id(request_id or str(uuid.uuid4()))]
    exchange.respond(failure.status, headers, failure.body, "length")
