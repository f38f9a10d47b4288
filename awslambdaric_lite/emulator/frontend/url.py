"""The function URL: any HTTP request becomes an invocation, and its result the response.

It runs a request up to its response. `url_request` makes the event, `url_response` and `url_prelude` read the result,
`url_cors` has the cross-origin settings.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Callable
from typing import Literal

from ...common.quotas import MAX_PAYLOAD
from ..errors import UnknownQualifier
from ..host import FunctionHost
from ..http.exchange import Exchange, finish_responses
from ..results import FunctionOutcome, Invocation
from ..streams import ResponseStream
from .forwarding import caller_trace_id
from .proxy_result import Headers, HttpResponse, MalformedResponse
from .requests import new_trace_id
from .service_errors import service_error, too_large
from .url_cors import Cors, is_preflight
from .url_prelude import CONTENT_TYPE, PreludeReader
from .url_request import url_event
from .url_response import (
    BAD_GATEWAY,
    buffered_response,
    is_envelope,
    plain_head,
    streamed_head,
)

InvokeMode = Literal["BUFFERED", "RESPONSE_STREAM"]

_WITHOUT_BODY = (204, 304)  # RFC 9110, section 6.4.1
_ALLOW_ORIGIN = "access-control-allow-origin"
_TRACE_KEY = re.compile(r"(?:^|(?<=;))\w+(?==)")
_log = logging.getLogger(__name__)


class FunctionUrl:
    """Application that serves one function over plain HTTP; all calls come from the host's event loop.

    `BUFFERED` reads the whole result as JSON, whatever its content type: a stream with a prelude, which Invoke would
    return unchanged, is malformed. `RESPONSE_STREAM` forwards the result while it is received and reads only a prelude:
    an ordinary `{"statusCode": …}` is sent unchanged.

    Raises:
        UnknownQualifier: the function does not have that version or alias.
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
        self._qualifier = qualifier
        host.versions.resolve(qualifier)
        self._cors = cors
        self._noted_origins = False
        self._streams: dict[Exchange, ResponseStream] = {}
        self._tasks: dict[asyncio.Task[None], Exchange] = {}

    async def close(self) -> None:
        """Wait for unfinished responses; to be called after the host is closed, before the server is."""
        await finish_responses(self._tasks)

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Respond to preflight requests; limit the size of other bodies."""
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
        given = caller_trace_id(request)
        trace_id = given or new_trace_id()
        reply = self._reply(exchange, request_id, trace_id)
        try:
            version, arn = self._host.versions.resolve(self._qualifier)
        except UnknownQualifier as unknown:  # it was deleted
            return reply.fail(_service_failure(unknown))
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
            event, request_id=request_id, trace_id=trace_id, version=version, arn=arn, stream=stream
        )
        if stream is not None:
            self._streams[exchange] = stream
        task = asyncio.get_running_loop().create_task(self._serve(reply, invocation))
        self._tasks[task] = exchange
        task.add_done_callback(self._done)
        return None

    def on_truncated(self, exchange: Exchange) -> None:
        """Ignore a truncated request."""

    def on_lost(self, exchange: Exchange) -> None:
        """Discard the stream of a disconnected caller; the function continues."""
        if exchange in self._streams:
            self._streams[exchange].abandon()

    # Invocations

    async def _serve(self, reply: _Reply, invocation: Invocation) -> None:
        """Invoke the function and respond, buffered or streamed."""
        try:
            self._host.submit(invocation)
            if invocation.stream is None:
                reply.send(_read_buffered(await _answer(invocation)))
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
                invocation.stream.abandon()  # the runtime must be able to finish an unwanted stream

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
        return _Reply(exchange, headers, self._note_origins)

    def _note_origins(self) -> None:
        """Log once that the function and the URL send a header of which browsers accept only one."""
        if self._noted_origins:
            return
        self._noted_origins = True
        _log.warning(
            "function URL: the function sends Access-Control-Allow-Origin and the URL adds its own, as on AWS, so that "
            "browsers refuse the response: configure CORS in one of the two"
        )


class _FunctionError(Exception):
    """The function failed; the log has the reason, the caller only the status."""


class _Reply:
    """Response to one request, with the headers of every response."""

    def __init__(self, exchange: Exchange, headers: Headers, on_origins: Callable[[], None]) -> None:
        """`on_origins` is called for a function that sends the header of CORS which `headers` have, too."""
        self._exchange = exchange
        self._headers = headers
        self._on_origins = on_origins
        self._began = False

    def send(self, response: HttpResponse) -> None:
        """Send a whole response."""
        self._compare_origins(response.headers)
        self._exchange.respond(response.status, [*response.headers, *self._headers], response.body, "length")

    def begin(self, head: HttpResponse) -> None:
        """Send the head of a streamed response."""
        self._began = True
        if head.status in _WITHOUT_BODY:  # complete: some clients would wait for chunks; the rest is dropped
            return self.send(head)
        self._compare_origins(head.headers)
        return self._exchange.start(head.status, [*head.headers, *self._headers])

    def _compare_origins(self, sent: Headers) -> None:
        if all(any(name.lower() == _ALLOW_ORIGIN for name, _ in headers) for headers in (sent, self._headers)):
            self._on_origins()

    async def write(self, data: bytes) -> None:
        """Send a part of the body; return when the caller can receive more."""
        self._exchange.write(data)
        await self._exchange.drained()

    def finish(self) -> None:
        """End a streamed response."""
        self._exchange.finish()

    def fail(self, response: HttpResponse) -> None:
        """Respond with an error; cut a response that has begun."""
        if self._began:
            self._exchange.abort()
        else:
            self.send(response)


def _read_buffered(answer: FunctionOutcome) -> HttpResponse:
    try:
        return buffered_response(answer.payload)
    except MalformedResponse as malformed:
        if _media_type(answer.content_type) != CONTENT_TYPE:
            raise
        raise MalformedResponse(
            f"{malformed}. The response is a stream with metadata, which needs the invoke mode RESPONSE_STREAM: set it "
            "(--url-mode RESPONSE_STREAM), or unset AWSLAMBDARIC_LITE_APP_STREAM"
        ) from None


async def _pass_on(reply: _Reply, invocation: Invocation, stream: ResponseStream) -> None:
    """Forward a response while it is received, no faster than the caller reads."""
    head = await stream.head
    if head is None:
        await _answer(invocation)
        raise _FunctionError
    has_prelude = _media_type(head.content_type) == CONTENT_TYPE
    if has_prelude:
        response, part = await _read_prelude(invocation, stream)
    else:
        response, part = plain_head(head.content_type), await stream.read()
        if not part:  # the stream ended before its first byte, perhaps with an error
            await _answer(invocation)
    reply.begin(response)
    text = part if part[:1] == b"{" and not has_prelude else b""
    if part:
        await reply.write(part)
    while part := await stream.read():
        await reply.write(part)
        if text and len(text) <= MAX_PAYLOAD:
            text += part
    await _answer(invocation)
    if is_envelope(text):
        _log.warning(
            "function URL: request %s was answered with the text of an object with statusCode, because the invoke mode "
            "RESPONSE_STREAM reads streams only: return a StreamingResponse, set AWSLAMBDARIC_LITE_APP_STREAM=1 for a "
            "web application, or use the invoke mode BUFFERED",
            invocation.request_id,
        )
    reply.finish()


async def _read_prelude(invocation: Invocation, stream: ResponseStream) -> tuple[HttpResponse, bytes]:
    """Read the head of the response, and the bytes of the body that arrived with it."""
    reader = PreludeReader()
    while part := await stream.read():
        if (prelude := reader.feed(part)) is not None:
            return streamed_head(prelude.metadata), prelude.payload
    await _answer(invocation)
    raise MalformedResponse("the stream ended before the 8 NUL bytes that follow its metadata")


async def _answer(invocation: Invocation) -> FunctionOutcome:
    """Return the outcome of the invocation.

    Raises:
        _FunctionError: the function failed.
    """
    answer = await asyncio.wrap_future(invocation.answered)
    if answer.error is not None:
        raise _FunctionError
    return answer


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _service_failure(error: Exception) -> HttpResponse:
    failure = service_error(error)
    return HttpResponse(failure.status, failure.headers, failure.body)


def _message(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, [("Content-Type", "application/json")], json.dumps({"message": text}).encode())
