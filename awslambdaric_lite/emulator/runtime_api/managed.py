"""The Runtime API of Lambda Managed Instances: many polls wait at once, and replies come in any order.

Owns which invocations run and what has been said about each. Its rules and error texts are those of the open server for
Managed Instances, but for one: a poll whose connection has gone is forgotten, where that one hands it an invocation.
"""

from __future__ import annotations

from collections import deque

from ..config.function import MAX_PAYLOAD, ApiOptions
from ..errors import EmulatorError
from ..http.exchange import Exchange
from ..results import Answer, Invocation
from ..streams import MAX_STREAM
from . import events, payloads, replies, routes
from .api import Observer
from .payloads import Reply, send
from .pump import BodyPump
from .routes import Route

MAX_POLLS = 10_000
MAX_ERROR_BODY = 1024 * 1024  # bytes
_SECOND_INIT_ERROR = (
    "State transition from InitError to InitError failed for runtime. Error: state transition is not allowed"
)


class Unavailable(EmulatorError):
    """No poll waits for an invocation. The caller gets `Runtime.Unavailable`, at once."""

    error_type = "Runtime.Unavailable"


class DuplicatedInvocation(EmulatorError):
    """An invocation with that request id runs already. The caller gets `Client.DuplicatedInvokeId`."""

    error_type = "Client.DuplicatedInvokeId"


class _Running:
    """An invocation that the runtime has, until it is answered."""

    __slots__ = ("invocation", "response")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.response: Exchange | None = None  # whose body is on its way


class ManagedRuntimeApi:
    """The application that serves one runtime with all of its workers, from its start to its end.

    The observer's `on_next` is called for each poll, of which the first ends the init; an invocation is complete with
    its answer.
    """

    def __init__(self, observer: Observer, options: ApiOptions) -> None:
        self._observer = observer
        self._options = options
        self._polls: deque[Exchange] = deque()
        self._running: dict[str, _Running] = {}
        self._timed_out: set[str] = set()  # of which the runtime has not been told
        self._failed = False  # in its init

    @property
    def idle(self) -> int:
        """How many polls wait."""
        return len(self._polls)

    @property
    def lingering(self) -> int:
        """How many invocations are over for their callers, as far as is known not for the runtime."""
        return len(self._timed_out)

    def deliver(self, invocation: Invocation) -> None:
        """Give a waiting worker an invocation.

        Raises:
            Unavailable: none waits.
            DuplicatedInvocation: one with the same request id runs.
        """
        if invocation.request_id in self._running:
            raise DuplicatedInvocation(f"an invocation with the request id {invocation.request_id} is running")
        if not self._polls:
            raise Unavailable("no worker waits for an invocation")
        self._running[invocation.request_id] = _Running(invocation)
        events.send(self._polls.popleft(), invocation, self._options)

    def time_out(self, invocation: Invocation, answer: Answer) -> None:
        """End an invocation for its caller; the code runs on, and its reply comes too late."""
        running = self._running.get(invocation.request_id)
        if running is None or running.invocation is not invocation:
            return
        if running.response is not None:
            send(running.response, payloads.STALE_INVOCATION)
        else:
            self._timed_out.add(invocation.request_id)
        self._answer(running, answer)

    # What the HTTP server calls

    def on_head(self, exchange: Exchange) -> None:
        """Refuse what can be refused without the body."""
        call = routes.find(exchange.request)
        if isinstance(call, Reply):
            send(exchange, call)
        elif call.route is Route.INIT_ERROR:
            self._init_error(exchange)
        elif call.route is Route.RESPONSE:
            self._begin_response(exchange, call.request_id)
        elif call.route is Route.ERROR:
            exchange.keep = MAX_ERROR_BODY + 1

    def on_body(self, exchange: Exchange) -> None:
        """Act on a complete request."""
        call = routes.find(exchange.request)
        assert isinstance(call, routes.Call)
        if call.route is Route.PING:
            send(exchange, payloads.PONG)
        elif call.route is Route.NEXT:
            self._next(exchange)
        elif call.route is Route.RESPONSE:
            self._response(exchange, self._running[call.request_id])
        elif exchange.body_size > MAX_ERROR_BODY:
            send(exchange, payloads.TOO_LARGE)
        else:
            self._error(exchange, call.request_id)

    def on_truncated(self, exchange: Exchange) -> None:
        """Act on what there is of a request that broke off."""
        call = routes.find(exchange.request)
        assert isinstance(call, routes.Call)
        if call.route is Route.RESPONSE:
            self._answer(self._running[call.request_id], payloads.failure("Runtime.TruncatedResponse"))
            send(exchange, payloads.TRUNCATED_REQUEST)
        elif call.route is Route.ERROR:
            send(exchange, payloads.TOO_LARGE)  # as the real one words any body that it cannot read

    def on_lost(self, exchange: Exchange) -> None:
        """Forget a poll whose connection has gone."""
        if exchange in self._polls:
            self._polls.remove(exchange)

    # The calls

    def _next(self, exchange: Exchange) -> None:
        if len(self._polls) >= MAX_POLLS:
            return send(exchange, payloads.INTERNAL_ERROR)
        self._polls.append(exchange)
        return self._observer.on_next()

    def _begin_response(self, exchange: Exchange, request_id: str) -> None:
        running = self._running.get(request_id)
        if running is None or running.response is not None:
            return send(exchange, self._unknown(request_id))
        if self._is_stale(exchange, running):
            self._timed_out.discard(request_id)  # an attempt before this one: the service retries with the same id
            return send(exchange, payloads.STALE_INVOCATION)
        mode = replies.response_mode(exchange.request)
        if mode not in ("", replies.STREAMING):
            self._answer(running, payloads.failure("Runtime.InvalidResponseModeHeader"))
            return send(exchange, payloads.INVALID_RESPONSE_MODE)
        running.response = exchange
        exchange.keep = MAX_PAYLOAD + 1
        stream = running.invocation.stream
        if stream is not None:

            def on_oversized() -> None:
                self._answer(running, payloads.response_too_large(MAX_STREAM + 1, MAX_STREAM))
                send(exchange, payloads.TOO_LARGE)

            head = replies.stream_head(exchange.request)
            BodyPump(exchange, stream, head, self._options.stream_bytes_per_s, on_oversized)
        return None

    def _response(self, exchange: Exchange, running: _Running) -> None:
        if running.invocation.stream is None and exchange.body_size > MAX_PAYLOAD:
            self._answer(running, payloads.response_too_large(exchange.body_size, MAX_PAYLOAD))
            return send(exchange, payloads.TOO_LARGE)
        self._answer(running, replies.response(exchange.request, bytes(exchange.body), or_details=True))
        return send(exchange, payloads.ACCEPTED)

    def _error(self, exchange: Exchange, request_id: str) -> None:
        running = self._running.get(request_id)
        if running is None:
            return send(exchange, self._unknown(request_id))
        if self._is_stale(exchange, running):
            self._timed_out.discard(request_id)  # an attempt before this one: the service retries with the same id
            return send(exchange, payloads.STALE_INVOCATION)
        if running.response is not None:  # an error beats a response on its way, whose connection is closed
            running.response.abort()
        self._answer(running, replies.error(exchange.request, bytes(exchange.body), with_cause=False))
        return send(exchange, payloads.ACCEPTED)

    def _init_error(self, exchange: Exchange) -> None:
        if self._failed:
            return send(exchange, payloads.refused_transition(_SECOND_INIT_ERROR))
        self._failed = True
        self._observer.on_init_error(replies.init_error(exchange.request, b""))  # whose body is never read
        return send(exchange, payloads.ACCEPTED)

    def _unknown(self, request_id: str) -> Reply:
        """The refusal of a reply to an invocation that does not run: once, it is told that it is too late."""
        if request_id in self._timed_out:
            self._timed_out.remove(request_id)
            return payloads.STALE_INVOCATION
        return payloads.INVALID_REQUEST_ID

    def _is_stale(self, exchange: Exchange, running: _Running) -> bool:
        attempt_id = exchange.request.header("Lambda-Runtime-Invocation-Id")
        return self._options.invocation_ids and bool(attempt_id) and attempt_id != running.invocation.attempt_id

    def _answer(self, running: _Running, answer: Answer) -> None:
        del self._running[running.invocation.request_id]
        self._observer.on_answer(running.invocation, answer)
