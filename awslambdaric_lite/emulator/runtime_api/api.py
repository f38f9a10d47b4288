"""The Runtime API (version 2018-06-01) of one runtime process that has one invocation at a time.

It reacts to each request. `RuntimeStateMachine` decides what is allowed; an `Observer` learns what follows for the
environment.
"""

from __future__ import annotations

import uuid
from typing import Protocol

from ...common.quotas import MAX_PAYLOAD, MAX_STREAM
from ...protocol import replies, routes
from ...protocol.replies import Reply
from ...protocol.routes import MatchedRoute, Route
from ...protocol.states import (
    RuntimeEvent,
    RuntimeStateMachine,
    StaleAttempt,
    State,
    TransitionRefused,
    UnknownRequestId,
)
from ..config.function import ApiOptions
from ..errors import EmulatorError
from ..http.exchange import Exchange
from ..results import FunctionOutcome, Invocation
from ..streams import ResponseStream
from . import outcomes
from .body_forwarder import ThrottledBodyForwarder
from .sending import send_event, send_reply


class Observer(Protocol):
    """Receiver of what the runtime reports: the execution environment."""

    def on_next(self) -> None:
        """Note that the runtime asked for an invocation: init, or the invocation before, is complete."""

    def on_outcome(self, invocation: Invocation, outcome: FunctionOutcome) -> None:
        """Pass on the outcome of a reply that was accepted, or refused in a way that ends the invocation."""

    def on_restore_next(self) -> None:
        """Note that the runtime completed its init and waits to be restored from a snapshot."""

    def on_init_error(self, outcome: FunctionOutcome) -> None:
        """Note that the runtime reported a failed init or restore."""


class RuntimeApi:
    """Application that serves one runtime process."""

    def __init__(self, observer: Observer, options: ApiOptions, *, snap_start: bool = False) -> None:
        self.machine = RuntimeStateMachine()
        self._observer = observer
        self._options = options
        self._snap_start = snap_start
        self._current: Invocation | None = None
        self._polls: list[Exchange] = []
        self._restore_poll: Exchange | None = None
        self._reply: Exchange | None = None  # whose body is being received

    # Called by the environment

    def deliver(self, invocation: Invocation) -> None:
        """Give the waiting runtime an invocation.

        Raises:
            TransitionRefused: the runtime does not wait for one.
        """
        self.machine.invoke(invocation.request_id, invocation.attempt_id if self._options.invocation_ids else None)
        self._current = invocation
        if self._polls:  # else the connection closed while the runtime waited: its next poll gets the event
            send_event(self._polls.pop(0), invocation, self._options)

    def restore(self) -> None:
        """Respond to a runtime that waits in `restore/next`.

        Raises:
            TransitionRefused: the runtime does not wait there.
        """
        self.machine.apply(RuntimeEvent.RESTORE)
        poll, self._restore_poll = self._restore_poll, None
        if poll is not None:
            poll.respond(200, [], b"")

    def interrupt(self) -> None:
        """Time out the invocation; a late reply is rejected."""
        self.machine.request_id = None
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()

    def make_attempt_stale(self) -> None:
        """Replace the id of the current attempt, so that the runtime's reply belongs to an earlier one.

        The reply gets 410, and the runtime's next poll gets the same event again, with the new id.

        Raises:
            EmulatorError: no invocation runs, or attempts have no ids.
        """
        if not self._options.invocation_ids:
            raise EmulatorError(
                "a stale reply is recognized by the id of its attempt; set ApiOptions(invocation_ids=True)"
            )
        if self._current is None or self.machine.state is not State.RUNNING:
            raise EmulatorError("no invocation is running; call this between an event and its reply")
        self._current.attempt_id = self.machine.attempt_id = str(uuid.uuid4())

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Refuse the requests that can be refused without their body."""
        matched = self._match(exchange)
        if isinstance(matched, Reply):
            send_reply(exchange, matched)
        elif matched.route in (Route.RESPONSE, Route.ERROR):
            self._begin_reply(exchange, matched)

    def on_body(self, exchange: Exchange) -> None:
        """Act on a complete request."""
        matched = self._match(exchange)
        assert isinstance(matched, MatchedRoute)
        match matched.route:
            case Route.PING:
                send_reply(exchange, replies.PONG)
            case Route.NEXT:
                self._next(exchange)
            case Route.RESPONSE:
                self._response(exchange)
            case Route.ERROR:
                self._error(exchange, bytes(exchange.body))
            case Route.INIT_ERROR:
                self._init_error(exchange, RuntimeEvent.INIT_ERROR)
            case Route.RESTORE_NEXT:
                self._restore_next(exchange)
            case Route.RESTORE_ERROR:
                self._init_error(exchange, RuntimeEvent.RESTORE_ERROR)

    def on_truncated(self, exchange: Exchange) -> None:
        """Act on a truncated reply: a response becomes an error, an error is accepted without its body."""
        matched = self._match(exchange)
        assert isinstance(matched, MatchedRoute)
        if matched.route is Route.RESPONSE:
            self._accept_reply(outcomes.failure("Runtime.TruncatedResponse"))
            send_reply(exchange, replies.TRUNCATED_REQUEST)
        elif matched.route is Route.ERROR:
            self._error(exchange, b"")
        elif matched.route in (Route.INIT_ERROR, Route.RESTORE_ERROR):
            self.on_body(exchange)

    def on_lost(self, exchange: Exchange) -> None:
        """Forget a poll whose connection is closed."""
        if exchange in self._polls:
            self._polls.remove(exchange)

    # The requests

    def _match(self, exchange: Exchange) -> MatchedRoute | Reply:
        request = exchange.request
        return routes.match(request.method, request.path, snap_start=self._snap_start)

    def _next(self, exchange: Exchange) -> None:
        try:
            state = self.machine.apply(RuntimeEvent.NEXT)
        except TransitionRefused as refusal:
            return send_reply(exchange, replies.refused_transition(str(refusal)))
        if state is State.RUNNING:
            assert self._current is not None
            return send_event(exchange, self._current, self._options)
        self._current = None
        self._polls.append(exchange)
        return self._observer.on_next()

    def _begin_reply(self, exchange: Exchange, matched: MatchedRoute) -> None:
        request = exchange.request
        try:
            self.machine.reply(
                RuntimeEvent.RESPONSE if matched.route is Route.RESPONSE else RuntimeEvent.ERROR,
                matched.request_id,
                request.header(replies.ATTEMPT_ID),
            )
        except UnknownRequestId:
            return send_reply(exchange, replies.INVALID_REQUEST_ID)
        except StaleAttempt:
            return send_reply(exchange, replies.STALE_INVOCATION)
        except TransitionRefused as refusal:
            return send_reply(exchange, replies.refused_transition(str(refusal)))
        self._reply = exchange
        exchange.body_is_timed = False  # the function's timeout ends it
        mode = outcomes.response_mode(request)
        if matched.route is Route.ERROR:
            return None
        if mode not in ("", outcomes.STREAMING):
            # The caller gets an error, but the state stays: the following `next` is refused, as by the real server.
            self._tell(outcomes.failure("Runtime.InvalidResponseModeHeader"))
            return send_reply(exchange, replies.INVALID_RESPONSE_MODE)
        assert self._current is not None
        exchange.keep = MAX_PAYLOAD + 1
        if self._current.stream is not None:
            self._forward(exchange, self._current.stream)
        return None

    def _forward(self, exchange: Exchange, stream: ResponseStream) -> None:
        """Forward the body to the caller's stream while it is received."""

        def on_oversized() -> None:
            self._accept_reply(outcomes.response_too_large(MAX_STREAM + 1, MAX_STREAM))
            send_reply(exchange, replies.TOO_LARGE)

        head = outcomes.stream_head(exchange.request)
        ThrottledBodyForwarder(exchange, stream, head, self._options.stream_bytes_per_s, on_oversized)

    def _response(self, exchange: Exchange) -> None:
        assert self._current is not None
        streamed = self._current.stream is not None
        if not streamed and exchange.body_size > MAX_PAYLOAD:
            self._accept_reply(outcomes.response_too_large(exchange.body_size, MAX_PAYLOAD))
            return send_reply(exchange, replies.TOO_LARGE)
        self._accept_reply(outcomes.of_response(exchange.request, bytes(exchange.body), streamed=streamed))
        return send_reply(exchange, replies.ACCEPTED)

    def _error(self, exchange: Exchange, body: bytes) -> None:
        self._accept_reply(outcomes.of_error(exchange.request, body))
        send_reply(exchange, replies.ACCEPTED)

    def _restore_next(self, exchange: Exchange) -> None:
        try:
            self.machine.apply(RuntimeEvent.RESTORE_NEXT)
        except TransitionRefused as refusal:
            return send_reply(exchange, replies.refused_transition(str(refusal)))
        self._restore_poll = exchange
        return self._observer.on_restore_next()

    def _init_error(self, exchange: Exchange, event: RuntimeEvent) -> None:
        try:
            self.machine.apply(event)
        except TransitionRefused as refusal:
            return send_reply(exchange, replies.refused_transition(str(refusal)))
        self._observer.on_init_error(outcomes.of_init_error(exchange.request, bytes(exchange.body)))
        return send_reply(exchange, replies.ACCEPTED)

    def _accept_reply(self, outcome: FunctionOutcome) -> None:
        self._reply = None
        self.machine.apply(RuntimeEvent.REPLY_TAKEN)
        self._tell(outcome)

    def _tell(self, outcome: FunctionOutcome) -> None:
        assert self._current is not None
        self._observer.on_outcome(self._current, outcome)
