"""The Runtime API (version 2018-06-01) of one runtime process, for one invocation at a time.

Owns the reaction to each call. What is allowed is decided by `RuntimeStateMachine`; what an answer means for the
environment is told to an `Observer`.
"""

from __future__ import annotations

import uuid
from typing import Protocol

from ..config.function import MAX_PAYLOAD, ApiOptions
from ..errors import EmulatorError
from ..http.exchange import Exchange
from ..results import Answer, Invocation
from ..streams import MAX_STREAM, ResponseStream
from . import events, payloads, replies, routes
from .payloads import Reply, send
from .pump import BodyPump
from .routes import Route
from .states import Call, RuntimeStateMachine, StaleAttempt, State, TransitionRefused, UnknownRequestId


class Observer(Protocol):
    """Who wants to know what the runtime says: the execution environment."""

    def on_next(self) -> None:
        """The runtime asked for an invocation: init, or the invocation before, is complete."""

    def on_answer(self, invocation: Invocation, answer: Answer) -> None:
        """The runtime's reply has been taken over, or refused in a way that ends the invocation for the caller."""

    def on_restore_next(self) -> None:
        """The runtime has done its init and waits to be restored from a snapshot."""

    def on_init_error(self, answer: Answer) -> None:
        """The runtime reported that its init, or its restore, failed."""


class RuntimeApi:
    """The application that serves one runtime process, from its start to its end."""

    def __init__(self, observer: Observer, options: ApiOptions, *, snap_start: bool = False) -> None:
        self.machine = RuntimeStateMachine()
        self._observer = observer
        self._options = options
        self._snap_start = snap_start
        self._current: Invocation | None = None
        self._polls: list[Exchange] = []
        self._restore_poll: Exchange | None = None
        self._reply: Exchange | None = None  # whose body is on its way

    # What the environment calls

    def deliver(self, invocation: Invocation) -> None:
        """Give the waiting runtime an invocation.

        Raises:
            TransitionRefused: the runtime is not waiting for one.
        """
        self.machine.invoke(invocation.request_id, invocation.attempt_id if self._options.invocation_ids else None)
        self._current = invocation
        if self._polls:  # else its connection died while it waited: it gets the event when it asks again
            events.send(self._polls.pop(0), invocation, self._options)

    def restore(self) -> None:
        """Let a runtime that waits in `restore/next` go on.

        Raises:
            TransitionRefused: it does not wait there.
        """
        self.machine.apply(Call.RESTORE)
        poll, self._restore_poll = self._restore_poll, None
        if poll is not None:
            poll.respond(200, [], b"")

    def interrupt(self) -> None:
        """The invocation is over, as it is out of time: its reply is cut off, or will be an unknown one."""
        self.machine.request_id = None
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()

    def cross_wire(self) -> None:
        """Make the runtime's attempt at the current invocation a stale one.

        Its reply gets 410, and the runtime gets the same event again, with the id of a new attempt, when it asks.

        Raises:
            EmulatorError: no invocation runs, or attempts have no ids.
        """
        if not self._options.invocation_ids:
            raise EmulatorError("attempts have no ids to be told apart by; set ApiOptions(invocation_ids=True)")
        if self._current is None or self.machine.state is not State.RUNNING:
            raise EmulatorError("no invocation is running; one becomes stale between its event and its reply")
        self._current.attempt_id = self.machine.attempt_id = str(uuid.uuid4())

    # What the HTTP server calls

    def on_head(self, exchange: Exchange) -> None:
        """Refuse what can be refused without the body."""
        call = routes.find(exchange.request, snap_start=self._snap_start)
        if isinstance(call, Reply):
            send(exchange, call)
        elif call.route in (Route.RESPONSE, Route.ERROR):
            self._begin_reply(exchange, call)

    def on_body(self, exchange: Exchange) -> None:
        """Act on a complete request."""
        call = routes.find(exchange.request, snap_start=self._snap_start)
        assert isinstance(call, routes.Call)
        match call.route:
            case Route.PING:
                send(exchange, payloads.PONG)
            case Route.NEXT:
                self._next(exchange)
            case Route.RESPONSE:
                self._response(exchange)
            case Route.ERROR:
                self._error(exchange, bytes(exchange.body))
            case Route.INIT_ERROR:
                self._init_error(exchange, Call.INIT_ERROR)
            case Route.RESTORE_NEXT:
                self._restore_next(exchange)
            case Route.RESTORE_ERROR:
                self._init_error(exchange, Call.RESTORE_ERROR)

    def on_truncated(self, exchange: Exchange) -> None:
        """Act on what there is of a request that broke off: a response ends with an error, an error is one anyway."""
        call = routes.find(exchange.request, snap_start=self._snap_start)
        assert isinstance(call, routes.Call)
        if call.route is Route.RESPONSE:
            self._reply_taken(payloads.failure("Runtime.TruncatedResponse"))
            send(exchange, payloads.TRUNCATED_REQUEST)
        elif call.route is Route.ERROR:
            self._error(exchange, b"")
        else:
            self.on_body(exchange)

    def on_lost(self, exchange: Exchange) -> None:
        """Forget a poll whose connection has gone."""
        if exchange in self._polls:
            self._polls.remove(exchange)

    # The calls

    def _next(self, exchange: Exchange) -> None:
        try:
            state = self.machine.apply(Call.NEXT)
        except TransitionRefused as refusal:
            return send(exchange, payloads.refused_transition(str(refusal)))
        if state is State.RUNNING:
            assert self._current is not None
            return events.send(exchange, self._current, self._options)
        self._current = None
        self._polls.append(exchange)
        return self._observer.on_next()

    def _begin_reply(self, exchange: Exchange, call: routes.Call) -> None:
        request = exchange.request
        try:
            self.machine.reply(
                Call.RESPONSE if call.route is Route.RESPONSE else Call.ERROR,
                call.request_id,
                request.header("Lambda-Runtime-Invocation-Id"),
            )
        except UnknownRequestId:
            return send(exchange, payloads.INVALID_REQUEST_ID)
        except StaleAttempt:
            return send(exchange, payloads.STALE_INVOCATION)
        except TransitionRefused as refusal:
            return send(exchange, payloads.refused_transition(str(refusal)))
        self._reply = exchange
        mode = replies.response_mode(request)
        if call.route is Route.ERROR:
            return None
        if mode not in ("", replies.STREAMING):
            # The caller has its error, yet the state stays: the `next` that follows is refused. As the real one does.
            self._tell(payloads.failure("Runtime.InvalidResponseModeHeader"))
            return send(exchange, payloads.INVALID_RESPONSE_MODE)
        assert self._current is not None
        exchange.keep = MAX_PAYLOAD + 1
        if self._current.stream is not None:
            self._pass_on(exchange, self._current.stream)
        return None

    def _pass_on(self, exchange: Exchange, stream: ResponseStream) -> None:
        """Hand the body to the caller's stream as it comes."""

        def on_oversized() -> None:
            self._reply_taken(payloads.response_too_large(MAX_STREAM + 1, MAX_STREAM))
            send(exchange, payloads.TOO_LARGE)

        head = replies.stream_head(exchange.request)
        BodyPump(exchange, stream, head, self._options.stream_bytes_per_s, on_oversized)

    def _response(self, exchange: Exchange) -> None:
        assert self._current is not None
        streamed = self._current.stream is not None
        if not streamed and exchange.body_size > MAX_PAYLOAD:
            self._reply_taken(payloads.response_too_large(exchange.body_size, MAX_PAYLOAD))
            return send(exchange, payloads.TOO_LARGE)
        self._reply_taken(replies.response(exchange.request, bytes(exchange.body), or_details=streamed))
        return send(exchange, payloads.ACCEPTED)

    def _error(self, exchange: Exchange, body: bytes) -> None:
        self._reply_taken(replies.error(exchange.request, body))
        send(exchange, payloads.ACCEPTED)

    def _restore_next(self, exchange: Exchange) -> None:
        try:
            self.machine.apply(Call.RESTORE_NEXT)
        except TransitionRefused as refusal:
            return send(exchange, payloads.refused_transition(str(refusal)))
        self._restore_poll = exchange
        return self._observer.on_restore_next()

    def _init_error(self, exchange: Exchange, call: Call) -> None:
        try:
            self.machine.apply(call)
        except TransitionRefused as refusal:
            return send(exchange, payloads.refused_transition(str(refusal)))
        self._observer.on_init_error(replies.init_error(exchange.request, bytes(exchange.body)))
        return send(exchange, payloads.ACCEPTED)

    def _reply_taken(self, answer: Answer) -> None:
        self._reply = None
        self.machine.apply(Call.REPLY_TAKEN)
        self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        assert self._current is not None
        self._observer.on_answer(self._current, answer)
