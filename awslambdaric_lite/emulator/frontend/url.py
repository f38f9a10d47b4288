"""The function URL: any HTTP request becomes an invocation, and its result the response.

Owns what becomes of a request up to its answer. What requests look like to the function is in `url_request`, what its
results mean in `url_response` and `url_prelude`, cross-origin settings in `url_cors`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from typing import Literal

from ..config.function import MAX_PAYLOAD
from ..host import FunctionHost
from ..http.exchange import Exchange
from ..results import Invocation, InvocationOutcome
from ..streams import ResponseStream
from . import answering
from .service_errors import service_error, too_large
from .tracing import new_trace_id
from .url_cors import Cors, is_preflight
from .url_prelude import CONTENT_TYPE, PreludeReader
from .url_request import url_event
from .url_response import BAD_GATEWAY, MalformedResponse, UrlResponse, buffered_response, plain_head, streamed_head

InvokeMode = Literal["BUFFERED", "RESPONSE_STREAM"]

_WITHOUT_BODY = (204, 304)  # RFC 9110, section 6.4.1
_TRACE_KEY = re.compile(r"(?:^|(?<=;))\w+(?==)")
_log = logging.getLogger(__name__)


class FunctionUrl:
    """The application that serves one function over plain HTTP; all calls come from the host's event loop.

    `BUFFERED` reads the whole result as JSON, whatever its content type: as Invoke would return a stream's prelude
    with the rest, that is malformed here. `RESPONSE_STREAM` passes the result on as it comes and reads nothing but a
    prelude in it: an ordinary `{"statusCode": …}` goes out as it is.

    Raises:
        UnknownQualifier: the function has no such version or alias.
    """

    def __init__(
        self,
        host: FunctionHost,
        *,
        invoke_mode: InvokeMode = "BUFFERED",
        qualifier: str | None = None,
        cors: Cors | None = None,
    ) -> None:
        self._host = host
        self._streaming = invoke_mode == "RESPONSE_STREAM"
        self._version, self._arn = host.function.resolve(qualifier)
        self._cors = cors
        self._streams: dict[Exchange, ResponseStream] = {}
        self._tasks: dict[asyncio.Task[None], Exchange] = {}

    async def close(self) -> None:
        """Wait for callers to get their answers; to be called when the host is closed, and before the server is."""
        await answering.finish(self._tasks)

    # What the HTTP server calls

    def on_head(self, exchange: Exchange) -> None:
        """InvocationOutcome browsers that ask for permission; read no more of a body than the limit."""
        request = exchange.request
        if self._cors is not None and is_preflight(request):
            headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", str(uuid.uuid4()))]
            return exchange.respond(200, [*headers, *self._cors.preflight_headers(request)], b"", "length")

        def on_data(data: bytes) -> None:
            exchange.body += data
            if len(exchange.body) > MAX_PAYLOAD:
                self._refuse_size(exchange, len(exchange.body))

        if (size := int(request.header("Content-Length") or 0)) > MAX_PAYLOAD:
            return self._refuse_size(exchange, size)
        exchange.on_data = on_data
        return None

    def on_body(self, exchange: Exchange) -> None:
        """Invoke."""
        request, request_id = exchange.request, str(uuid.uuid4())
        given = request.header("X-Amzn-Trace-Id")
        trace_id = given or new_trace_id()
        reply = self._reply(exchange, request_id, trace_id)
        try:
            event = url_event(
                request,
                bytes(exchange.body),
                request_id=request_id,
                trace_id=given or trace_id.partition(";")[0],
                region=self._host.function.region,
            )
        except ValueError as error:
            return reply.fail(_message(400, str(error)))
        exchange.body.clear()
        if len(event) > MAX_PAYLOAD:
            return self._refuse_size(exchange, len(event))
        stream = ResponseStream() if self._streaming else None
        invocation = Invocation(
            event, request_id=request_id, trace_id=trace_id, version=self._version, arn=self._arn, stream=stream
        )
        if stream is not None:
            self._streams[exchange] = stream
        task = asyncio.get_running_loop().create_task(self._serve(reply, invocation))
        self._tasks[task] = exchange
        task.add_done_callback(self._done)
        return None

    def on_truncated(self, exchange: Exchange) -> None:
        """A request that broke off invokes nothing."""

    def on_lost(self, exchange: Exchange) -> None:
        """The caller has gone: the function runs on, and what it streams is thrown away."""
        if exchange in self._streams:
            self._streams[exchange].abandon()

    # Invocations

    async def _serve(self, reply: _Reply, invocation: Invocation) -> None:
        """Invoke and answer, one way or another."""
        try:
            self._host.submit(invocation)
            if invocation.stream is None:
                answer = await _answer(invocation)
                reply.send(buffered_response(answer.payload))
            else:
                await _pass_on(reply, invocation, invocation.stream)
        except _FunctionError:
            reply.fail(BAD_GATEWAY)
        except MalformedResponse as malformed:
            _log.warning("function URL: 502 for request %s: %s", invocation.request_id, malformed)
            reply.fail(BAD_GATEWAY)
        except Exception as error:
            reply.fail(_service_failure(error))
        finally:
            if invocation.stream is not None:
                invocation.stream.abandon()  # of a stream that is not wanted, its runtime must get rid all the same

    def _done(self, task: asyncio.Task[None]) -> None:
        self._streams.pop(self._tasks.pop(task), None)

    def _refuse_size(self, exchange: Exchange, size: int) -> None:
        reply = self._reply(exchange, str(uuid.uuid4()))
        reply.fail(_service_failure(too_large(size, "RequestResponse", MAX_PAYLOAD)))

    def _reply(self, exchange: Exchange, request_id: str, trace_id: str = "") -> _Reply:
        headers = [("x-amzn-RequestId", request_id)]
        if trace_id:
            headers.append(("X-Amzn-Trace-Id", _TRACE_KEY.sub(lambda key: key[0].lower(), trace_id)))
        if self._cors is not None:
            headers += self._cors.response_headers(exchange.request)
        return _Reply(exchange, headers)


class _FunctionError(Exception):
    """The function failed; its log says why, the caller only learns that it did."""


class _Reply:
    """The answer to one request, with the headers that every answer has."""

    def __init__(self, exchange: Exchange, headers: list[tuple[str, str]]) -> None:
        self._exchange = exchange
        self._headers = headers
        self._began = False

    def send(self, response: UrlResponse) -> None:
        """InvocationOutcome in one piece."""
        self._exchange.respond(response.status, [*response.headers, *self._headers], response.body, "length")

    def begin(self, head: UrlResponse) -> None:
        """Let the head of a streamed answer leave."""
        self._began = True
        if head.status in _WITHOUT_BODY:  # complete: some clients would wait for chunks; what follows goes nowhere
            return self.send(head)
        return self._exchange.start(head.status, [*head.headers, *self._headers])

    async def write(self, data: bytes) -> None:
        """Let a part of the body leave; return when the caller is ready for more."""
        self._exchange.write(data)
        await self._exchange.drained()

    def finish(self) -> None:
        """End a streamed answer."""
        self._exchange.finish()

    def fail(self, response: UrlResponse) -> None:
        """InvocationOutcome with an error; where the answer has begun, all that can be done is to cut it off."""
        if self._began:
            self._exchange.abort()
        else:
            self.send(response)


async def _pass_on(reply: _Reply, invocation: Invocation, stream: ResponseStream) -> None:
    """Pass a response on as it comes, no faster than the caller reads."""
    head = await stream.head
    if head is None:
        await _answer(invocation)
        raise _FunctionError
    if head.content_type.partition(";")[0].strip().lower() == CONTENT_TYPE:
        response, part = await _read_prelude(invocation, stream)
    else:
        response, part = plain_head(head.content_type), await stream.read()
        if not part:  # it ended before its first byte, maybe with an error
            await _answer(invocation)
    reply.begin(response)
    if part:
        await reply.write(part)
    while part := await stream.read():
        await reply.write(part)
    await _answer(invocation)
    reply.finish()


async def _read_prelude(invocation: Invocation, stream: ResponseStream) -> tuple[UrlResponse, bytes]:
    """Read the head of the response, and the bytes of the body that came with it."""
    reader = PreludeReader()
    while part := await stream.read():
        if (prelude := reader.feed(part)) is not None:
            return streamed_head(prelude.metadata), prelude.payload
    await _answer(invocation)
    raise MalformedResponse("the stream ended before the 8 NUL bytes that follow its metadata")


async def _answer(invocation: Invocation) -> InvocationOutcome:
    """How the invocation ended.

    Raises:
        _FunctionError: the function failed.
    """
    answer = await asyncio.wrap_future(invocation.answered)
    if answer.error is not None:
        raise _FunctionError
    return answer


def _service_failure(error: Exception) -> UrlResponse:
    failure = service_error(error)
    return UrlResponse(failure.status, failure.headers, failure.body)


def _message(status: int, text: str) -> UrlResponse:
    return UrlResponse(status, [("Content-Type", "application/json")], json.dumps({"message": text}).encode())
