"""An HTTP API or a REST API: requests take routes to functions, whose results become the responses.

`routes` chooses the route, `api_event` makes the event, `api_response` reads the result, and `failures` has the
responses of API Gateway itself.
"""

from __future__ import annotations

import asyncio
import logging
import uuid

from ...common.quotas import MAX_API_HEADERS, MAX_API_PAYLOAD, MAX_PAYLOAD
from ...events.shared import token
from ..config.project import Api, Route
from ..errors import TooManyRequests
from ..frontend.forwarding import caller_trace_id
from ..frontend.proxy_result import Headers, HttpResponse, MalformedResponse
from ..frontend.requests import new_trace_id
from ..frontend.url_cors import is_preflight
from ..http.exchange import Exchange, RecordedRequest, finish_responses
from ..results import FunctionOutcome, Invocation, SubmitTo
from .api_event import api_event, routed_path, target_in_stage
from .api_response import api_response, mock_response
from .cors import check_cors, with_cors
from .failures import Failure, GatewayError, failure_response, not_offered
from .routes import DEFAULT, Routes, route_name

_log = logging.getLogger(__name__)


class ApiGateway:
    """Application that serves one API over plain HTTP; all calls come from one event loop.

    Raises:
        InvalidFunction: a route is malformed, two are alike, or API Gateway would refuse the CORS settings.
    """

    def __init__(self, api: Api, submit: SubmitTo, *, region: str, account: str) -> None:
        self._api = api
        self._submit = submit
        self._region = region
        self._account = account
        self._routes = Routes(api.logical_id, api.kind, api.routes)
        self._cors = api.cors if api.kind == "HTTP" else None
        check_cors(api.logical_id, self._cors)
        self._tasks: dict[asyncio.Task[None], Exchange] = {}

    @property
    def base_path(self) -> str:
        """The path with which the URLs of the API begin, e.g. `/prod`; empty for the stage `$default`."""
        return "" if self._api.stage == DEFAULT else f"/{self._api.stage}"

    async def close(self) -> None:
        """Wait for unfinished responses; to be called after the functions are closed, before the server is."""
        await finish_responses(self._tasks)

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Respond to requests that reach no function; limit the size of other bodies."""
        request, reply = exchange.request, _Reply(exchange, self._api)
        try:
            self._check_headers(request)
            route, _ = self._find(request)
        except GatewayError as error:
            if error.failure is Failure.NO_ROUTE and self._cors is not None and is_preflight(request):
                return reply.send(HttpResponse(204, []))
            return reply.fail(error.failure)
        if route.mock is not None and not route.unsupported:
            return reply.send(mock_response(route.mock))
        if route.unsupported or route.function is None:
            reason = route.unsupported or "an integration without a function"
            return reply.send(not_offered(f"{route_name(route)} has {reason}, which is not supported here"))
        if int(request.header("Content-Length") or 0) > MAX_API_PAYLOAD:
            return reply.fail(Failure.TOO_LARGE)

        def on_data(data: bytes) -> None:
            exchange.body += data
            if len(exchange.body) > MAX_API_PAYLOAD:
                reply.fail(Failure.TOO_LARGE)

        exchange.on_data = on_data
        return None

    def on_body(self, exchange: Exchange) -> None:
        """Invoke the function."""
        request = exchange.request
        given = caller_trace_id(request)
        trace_id = given or new_trace_id()
        reply = _Reply(exchange, self._api, trace_id)
        route, target = self._find(request)
        try:
            event = api_event(
                self._api,
                route,
                request,
                target,
                bytes(exchange.body),
                request_id=reply.request_id,
                trace_id=given or trace_id.partition(";")[0],
                region=self._region,
                account=self._account,
            )
        except ValueError:
            return reply.fail(Failure.BAD_REQUEST)
        exchange.body.clear()
        if len(event) > MAX_PAYLOAD:
            return reply.fail(Failure.TOO_LARGE)
        invocation = Invocation(event, trace_id=trace_id)
        task = asyncio.get_running_loop().create_task(self._serve(reply, route, invocation))
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.pop)
        return None

    def on_truncated(self, exchange: Exchange) -> None:
        """Ignore a truncated request."""

    def on_lost(self, exchange: Exchange) -> None:
        """Ignore a disconnected caller; the function continues."""

    # Requests

    def _find(self, request: RecordedRequest) -> tuple[Route, str]:
        """Return the route, and the target without the stage.

        Raises:
            GatewayError: no stage or no route matches.
        """
        target = target_in_stage(self._api, request)
        route = self._routes.find(request.method, routed_path(self._api, target))
        if route is None:
            raise GatewayError(Failure.NO_ROUTE)
        return route, target

    def _check_headers(self, request: RecordedRequest) -> None:
        size = sum(len(value.encode("utf-8", "surrogateescape")) for _, value in request.headers)
        if self._api.kind == "HTTP":
            size += len(f"{request.method} {request.path} HTTP/{request.http_version}")
        if size > MAX_API_HEADERS:
            raise GatewayError(Failure.HEADERS_TOO_LARGE)

    # Invocations

    async def _serve(self, reply: _Reply, route: Route, invocation: Invocation) -> None:
        """Invoke the function and respond."""
        name = f"{self._api.logical_id} {route_name(route)}"
        try:
            assert route.function is not None
            self._submit(route.function, route.qualifier, invocation)
            outcome = await _answer(invocation, route.timeout_s)
            reply.send(api_response(self._api, route, outcome.payload, reply.request))
        except GatewayError as error:
            reply.fail(error.failure)
        except MalformedResponse as malformed:
            _log.warning("%s: the result of request %s is malformed: %s", name, invocation.request_id, malformed)
            reply.fail(Failure.FAILED)
        except TooManyRequests:
            reply.fail(Failure.THROTTLED)
        except Exception as error:
            _log.warning("%s: request %s was not invoked: %s", name, invocation.request_id, error)
            reply.fail(Failure.REJECTED)


class _Reply:
    """Response to one request, with the headers of every response."""

    def __init__(self, exchange: Exchange, api: Api, trace_id: str = "") -> None:
        self._exchange = exchange
        self._api = api
        self._trace_id = trace_id
        unique = str(uuid.uuid4())
        self.request_id = unique if api.kind == "REST" else token(unique, "request", 11)

    @property
    def request(self) -> RecordedRequest:
        """The request."""
        return self._exchange.request

    def send(self, response: HttpResponse) -> None:
        """Send a response of a function."""
        self._send(response, [("X-Amzn-Trace-Id", self._trace_id.partition(";")[0])] if self._trace_id else [])

    def fail(self, failure: Failure) -> None:
        """Send a response of API Gateway itself, which has no trace."""
        self._send(failure_response(self._api.kind, failure), [])

    def _send(self, response: HttpResponse, trace: Headers) -> None:
        headers = response.headers
        if self._api.kind == "REST":
            own = [
                ("x-amzn-RequestId", self.request_id),
                ("x-amz-apigw-id", token(self.request_id, "extended request", 11)),
            ]
            headers = [*headers, *own, *trace]
        else:
            if self._api.cors is not None:
                headers = with_cors(self._api.cors, self.request, headers)
            headers = [*headers, ("Apigw-Requestid", self.request_id)]
        self._exchange.respond(response.status, headers, response.body, "length")


async def _answer(invocation: Invocation, timeout_s: float) -> FunctionOutcome:
    """Return the outcome of the invocation, which continues after the timeout.

    Raises:
        GatewayError: the function failed or takes too long.
    """
    answered = asyncio.wrap_future(invocation.answered)
    done, _ = await asyncio.wait([answered], timeout=timeout_s)
    if not done:
        answered.add_done_callback(lambda late: late.cancelled() or late.exception())  # retrieved: nobody waits for it
        raise GatewayError(Failure.TIMED_OUT)
    outcome = answered.result()
    if outcome.error is not None:
        raise GatewayError(Failure.FAILED)
    return outcome
