"""The Runtime API of Lambda Managed Instances: many polls wait concurrently, and replies come in any order.

Its rules and error texts are those of the open server for Managed Instances, except one: a poll whose connection is
closed is forgotten, where the open server gives it an invocation.
"""

from __future__ import annotations

from collections import deque

from ...common.quotas import MAX_PAYLOAD, MAX_STREAM
from ...protocol import replies, routes
from ...protocol.replies import Reply
from ...protocol.routes import MatchedRoute, Route
from ..config.function import ApiOptions
from ..errors import EmulatorError
from ..http.exchange import Exchange
from ..results import FunctionOutcome, Invocation
from . import outcomes
from .api import Observer
from .body_forwarder import ThrottledBodyForwarder
from .sending import send_event, send_reply

MAX_POLLS = 10_000
MAX_ERROR_BODY = 1024 * 1024  # bytes
_SECOND_INIT_ERROR = (
    "State transition from InitError to InitError failed for runtime. Error: state transition is not allowed"
)


class Unavailable(EmulatorError):
    """No poll waits for an invocation; the caller gets `Runtime.Unavailable` immediately."""

    error_type = "Runtime.Unavailable"


class DuplicatedInvocation(EmulatorError):
    """An invocation with that request id is running; the caller gets `Client.DuplicatedInvokeId`."""

    error_type = "Client.DuplicatedInvokeId"


class _Running:
    """An invocation without an outcome yet."""

    __slots__ = ("invocation", "response")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.response: Exchange | None = None  # whose body is being received


class ManagedRuntimeApi:
    """Application that serves one runtime with all its workers.

    The observer's `on_next` is called for each poll; the first ends the init. An invocation is complete when it has an
    outcome.
    """

    def __init__(self, observer: Observer, options: ApiOptions) -> None:
        self._observer = observer
        self._options = options
        self._polls: deque[Exchange] = deque()
        self._running: dict[str, _Running] = {}
        self._timed_out: set[str] = set()  # request ids whose late reply has not been refused yet
        self._failed = False  # in its init

    @property
    def idle(self) -> int:
        """The number of polls that wait."""
        return len(self._polls)

    @property
    def lingering(self) -> int:
        """The number of invocations that timed out and may still run."""
        return len(self._timed_out)

    def deliver(self, invocation: Invocation) -> None:
        """Give a waiting worker an invocation.

        Raises:
            Unavailable: no worker waits.
            DuplicatedInvocation: an invocation with the same request id is running.
        """
        if invocation.request_id in self._running:
            raise DuplicatedInvocation(f"an invocation with the request id {invocation.request_id} is running")
        if not self._polls:
            raise Unavailable("no worker waits for an invocation")
        self._running[invocation.request_id] = _Running(invocation)
        send_event(self._polls.popleft(), invocation, self._options)

    def time_out(self, invocation: Invocation, outcome: FunctionOutcome) -> None:
        """End an invocation for its caller; the handler continues, and its late reply is refused."""
        running = self._running.get(invocation.request_id)
        if running is None or running.invocation is not invocation:
            return
        if running.response is not None:
            send_reply(running.response, replies.STALE_INVOCATION)
        else:
            self._timed_out.add(invocation.request_id)
        self._finish(running, outcome)

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Refuse the requests that can be refused without their body."""
        matched = routes.match(exchange.request.method, exchange.request.path)
        if isinstance(matched, Reply):
            send_reply(exchange, matched)
        elif matched.route is Route.INIT_ERROR:
            self._init_error(exchange)
        elif matched.route is Route.RESPONSE:
            self._begin_response(exchange, matched.request_id)
        elif matched.route is Route.ERROR:
            exchange.keep = MAX_ERROR_BODY + 1

    def on_body(self, exchange: Exchange) -> None:
        """Act on a complete request."""
        matched = routes.match(exchange.request.method, exchange.request.path)
        assert isinstance(matched, MatchedRoute)
        if matched.route is Route.PING:
            send_reply(exchange, replies.PONG)
        elif matched.route is Route.NEXT:
            self._next(exchange)
        elif matched.route is Route.RESPONSE:
            self._response(exchange, self._running[matched.request_id])
        elif exchange.body_size > MAX_ERROR_BODY:
            send_reply(exchange, replies.TOO_LARGE)
        else:
            self._error(exchange, matched.request_id)

    def on_truncated(self, exchange: Exchange) -> None:
        """Act on a truncated request."""
        matched = routes.match(exchange.request.method, exchange.request.path)
        assert isinstance(matched, MatchedRoute)
        if matched.route is Route.RESPONSE:
            self._finish(self._running[matched.request_id], outcomes.failure("Runtime.TruncatedResponse"))
            send_reply(exchange, replies.TRUNCATED_REQUEST)
        elif matched.route is Route.ERROR:
            send_reply(exchange, replies.TOO_LARGE)  # the real server's text for every body that it cannot read

    def on_lost(self, exchange: Exchange) -> None:
        """Forget a poll whose connection is closed."""
        if exchange in self._polls:
            self._polls.remove(exchange)

    # The requests

    def _next(self, exchange: Exchange) -> None:
        if len(self._polls) >= MAX_POLLS:
            return send_reply(exchange, replies.INTERNAL_ERROR)
        self._polls.append(exchange)
        return self._observer.on_next()

    def _begin_response(self, exchange: Exchange, request_id: str) -> None:
        running = self._running.get(request_id)
        if running is None or running.response is not None:
            return send_reply(exchange, self._unknown(request_id))
        if self._is_stale(exchange, running):
            self._timed_out.discard(request_id)  # of an earlier attempt: the service retries with the same id
            return send_reply(exchange, replies.STALE_INVOCATION)
        mode = outcomes.response_mode(exchange.request)
        if mode not in ("", outcomes.STREAMING):
            self._finish(running, outcomes.failure("Runtime.InvalidResponseModeHeader"))
            return send_reply(exchange, replies.INVALID_RESPONSE_MODE)
        running.response = exchange
        exchange.body_is_timed = False  # the function's timeout ends it
        exchange.keep = MAX_PAYLOAD + 1
        stream = running.invocation.stream
        if stream is not None:

            def on_oversized() -> None:
                self._finish(running, outcomes.response_too_large(MAX_STREAM + 1, MAX_STREAM))
                send_reply(exchange, replies.TOO_LARGE)

            head = outcomes.stream_head(exchange.request)
            ThrottledBodyForwarder(exchange, stream, head, self._options.stream_bytes_per_s, on_oversized)
        return None

    def _response(self, exchange: Exchange, running: _Running) -> None:
        if running.invocation.stream is None and exchange.body_size > MAX_PAYLOAD:
            self._finish(running, outcomes.response_too_large(exchange.body_size, MAX_PAYLOAD))
            return send_reply(exchange, replies.TOO_LARGE)
        self._finish(running, outcomes.of_response(exchange.request, bytes(exchange.body), streamed=True))
        return send_reply(exchange, replies.ACCEPTED)

    def _error(self, exchange: Exchange, request_id: str) -> None:
        running = self._running.get(request_id)
        if running is None:
            return send_reply(exchange, self._unknown(request_id))
        if self._is_stale(exchange, running):
            self._timed_out.discard(request_id)  # of an earlier attempt: the service retries with the same id
            return send_reply(exchange, replies.STALE_INVOCATION)
        if running.response is not None:  # an error replaces a response that is being received
            running.response.abort()
        self._finish(running, outcomes.of_error(exchange.request, bytes(exchange.body), with_cause=False))
        return send_reply(exchange, replies.ACCEPTED)

    def _init_error(self, exchange: Exchange) -> None:
        if self._failed:
            return send_reply(exchange, replies.refused_transition(_SECOND_INIT_ERROR))
        self._failed = True
        self._observer.on_init_error(outcomes.of_init_error(exchange.request, b""))  # its body is never read
        return send_reply(exchange, replies.ACCEPTED)

    def _unknown(self, request_id: str) -> Reply:
        """Return the refusal of a reply to an invocation that does not run: 410 once after a timeout."""
        if request_id in self._timed_out:
            self._timed_out.remove(request_id)
            return replies.STALE_INVOCATION
        return replies.INVALID_REQUEST_ID

    def _is_stale(self, exchange: Exchange, running: _Running) -> bool:
        attempt_id = exchange.request.header(replies.ATTEMPT_ID)
        return self._options.invocation_ids and bool(attempt_id) and attempt_id != running.invocation.attempt_id

    def _finish(self, running: _Running, outcome: FunctionOutcome) -> None:
        del self._running[running.invocation.request_id]
        self._observer.on_outcome(running.invocation, outcome)
