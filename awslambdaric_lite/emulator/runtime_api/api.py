"""The Runtime API (version 2018-06-01) of one runtime process.

Owns routing, rendering of events and the reaction to replies. What is allowed is decided by `RuntimeStateMachine`; what
an answer means for the environment is told to an `Observer`.
"""

from __future__ import annotations

import json
import re
from typing import Protocol

from ..function import MAX_PAYLOAD, ApiOptions
from ..http.connection import Exchange, Headers, RecordedRequest
from ..results import Answer, Invocation
from ..streams import ResponseStream, StreamHead
from . import payloads
from .payloads import JSON_TYPE, Reply
from .states import Call, RuntimeStateMachine, StaleAttempt, State, TransitionRefused, UnknownRequestId

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ROOT = "/2018-06-01/"
_CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"


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

    def deliver(self, invocation: Invocation) -> None:
        """Give the waiting runtime an invocation.

        Raises:
            TransitionRefused: the runtime is not waiting for one.
        """
        self.machine.invoke(invocation.request_id, invocation.attempt_id if self._options.invocation_ids else None)
        self._current = invocation
        if self._polls:  # else its connection died while it waited: it gets the event when it asks again
            self._send_event(self._polls.pop(0), invocation)

    def restore(self) -> None:
        """Let a runtime that waits in `restore/next` go on.

        Raises:
            TransitionRefused: it does not wait there.
        """
        self.machine.apply(Call.RESTORE)
        poll, self._restore_poll = self._restore_poll, None
        if poll is not None:
            poll.respond(200, [], b"")

    # What the HTTP server calls

    def on_head(self, exchange: Exchange) -> None:
        """Route by method and path, and refuse what can be refused without the body."""
        method, path = exchange.request.method, exchange.request.path.partition("?")[0]
        if not path.startswith(_ROOT):
            return _send(exchange, payloads.NOT_FOUND)
        parts = path[len(_ROOT) :].split("/")
        match parts:
            case ["ping"] | ["runtime", "invocation", "next"]:
                allowed = "GET"
            case ["runtime", "restore", "next"] if self._snap_start:
                allowed = "GET"
            case ["runtime", "restore", "error"] if self._snap_start:
                allowed = "POST"
            case ["runtime", "init", "error"]:
                allowed = "POST"
            case ["runtime", "invocation", _, "response" | "error"]:
                allowed = "POST"
                if method == allowed:
                    self._begin_reply(exchange, parts[2], parts[3])
            case _:
                return _send(exchange, payloads.NOT_FOUND)
        if method != allowed:
            _send(exchange, payloads.METHOD_NOT_ALLOWED)
        return None

    def on_body(self, exchange: Exchange) -> None:
        """Act on a complete request."""
        match exchange.request.path.partition("?")[0][len(_ROOT) :].split("/"):
            case ["ping"]:
                _send(exchange, payloads.PONG)
            case ["runtime", "invocation", "next"]:
                self._next(exchange)
            case ["runtime", "restore", "next"]:
                self._restore_next(exchange)
            case ["runtime", "restore", "error"]:
                self._init_error(exchange, Call.RESTORE_ERROR)
            case ["runtime", "init", "error"]:
                self._init_error(exchange)
            case [*_, "response"]:
                self._response(exchange)
            case _:
                self._error(exchange, bytes(exchange.body))

    def on_truncated(self, exchange: Exchange) -> None:
        """End the invocation whose reply broke off."""
        path = exchange.request.path
        if path.endswith("/response"):
            self._reply_taken(payloads.failure("Runtime.TruncatedResponse"))
            _send(exchange, payloads.TRUNCATED_REQUEST)
        elif path.endswith("/init/error"):
            self._init_error(exchange)
        elif path.endswith("/error"):
            self._error(exchange, b"")

    def on_lost(self, exchange: Exchange) -> None:
        """Forget a poll whose connection has gone."""
        if exchange in self._polls:
            self._polls.remove(exchange)

    # The calls

    def _next(self, exchange: Exchange) -> None:
        try:
            state = self.machine.apply(Call.NEXT)
        except TransitionRefused as refusal:
            return _send(exchange, payloads.refused_transition(str(refusal)))
        if state is State.RUNNING:
            assert self._current is not None
            return self._send_event(exchange, self._current)
        self._current = None
        self._polls.append(exchange)
        return self._observer.on_next()

    def _begin_reply(self, exchange: Exchange, request_id: str, kind: str) -> None:
        request = exchange.request
        try:
            self.machine.reply(
                Call.RESPONSE if kind == "response" else Call.ERROR,
                request_id,
                request.header("Lambda-Runtime-Invocation-Id"),
            )
        except UnknownRequestId:
            return _send(exchange, payloads.INVALID_REQUEST_ID)
        except StaleAttempt:
            return _send(exchange, payloads.STALE_INVOCATION)
        except TransitionRefused as refusal:
            return _send(exchange, payloads.refused_transition(str(refusal)))
        mode = request.header("Lambda-Runtime-Function-Response-Mode") or ""
        if kind == "response" and mode not in ("", "streaming"):
            # The caller has its error, yet the state stays: the `next` that follows is refused. As the real one does.
            self._tell(payloads.failure("Runtime.InvalidResponseModeHeader"))
            return _send(exchange, payloads.INVALID_RESPONSE_MODE)
        if kind == "response":
            assert self._current is not None
            exchange.keep = MAX_PAYLOAD + 1
            if self._current.stream is not None:
                self._pass_on(exchange, self._current.stream, streaming=mode == "streaming")
        return None

    def _pass_on(self, exchange: Exchange, stream: ResponseStream, *, streaming: bool) -> None:
        """Hand the body to the caller's stream as it comes, no faster than that is read."""

        def on_data(data: bytes) -> None:
            if not stream.feed(data):
                exchange.pause()

        exchange.on_data = on_data
        content_type = exchange.request.header("Content-Type") or "application/octet-stream"
        stream.begin(StreamHead(content_type, streaming), exchange.resume)

    def _response(self, exchange: Exchange) -> None:
        request = exchange.request
        if exchange.body_size > MAX_PAYLOAD:
            self._reply_taken(payloads.response_too_large(exchange.body_size))
            return _send(exchange, payloads.TOO_LARGE)
        error_type = next((v for k, v in request.trailers if k.lower() == "lambda-runtime-function-error-type"), None)
        answer = Answer(
            bytes(exchange.body),
            request.header("Content-Type") or "",
            streaming=request.header("Lambda-Runtime-Function-Response-Mode") == "streaming",
            error_type=error_type,
            trailers=tuple(request.trailers),
        )
        self._reply_taken(answer)
        return _send(exchange, payloads.ACCEPTED)

    def _error(self, exchange: Exchange, body: bytes) -> None:
        self._reply_taken(_error_answer(exchange.request, body))
        _send(exchange, payloads.ACCEPTED)

    def _restore_next(self, exchange: Exchange) -> None:
        try:
            self.machine.apply(Call.RESTORE_NEXT)
        except TransitionRefused as refusal:
            return _send(exchange, payloads.refused_transition(str(refusal)))
        self._restore_poll = exchange
        return self._observer.on_restore_next()

    def _init_error(self, exchange: Exchange, call: Call = Call.INIT_ERROR) -> None:
        try:
            self.machine.apply(call)
        except TransitionRefused as refusal:
            return _send(exchange, payloads.refused_transition(str(refusal)))
        answer = _error_answer(exchange.request, bytes(exchange.body))
        content_type = JSON_TYPE if _is_json(answer.payload) else "application/octet-stream"
        self._observer.on_init_error(Answer(answer.payload, content_type, answer.error_type))
        return _send(exchange, payloads.ACCEPTED)

    def _reply_taken(self, answer: Answer) -> None:
        self.machine.apply(Call.REPLY_TAKEN)
        self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        assert self._current is not None
        self._observer.on_answer(self._current, answer)

    def _send_event(self, exchange: Exchange, invocation: Invocation) -> None:
        optional = (
            ("Lambda-Runtime-Trace-Id", invocation.trace_id, True),
            ("Lambda-Runtime-Client-Context", invocation.client_context, True),
            ("Lambda-Runtime-Cognito-Identity", invocation.cognito_identity, True),
            ("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id, False),
            ("Lambda-Runtime-Invocation-Id", self.machine.attempt_id or "", False),
        )
        headers = [
            ("Content-Type", invocation.content_type),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
            *(
                (name, _CONTROL.sub(" ", value).strip())  # a line break would end the header: a blank, as in Go
                for name, value, even in optional
                if value or (even and self._options.empty_headers)
            ),
        ]
        exchange.respond(200, headers, invocation.event, self._options.event_framing)


def _send(exchange: Exchange, reply: Reply) -> None:
    headers: Headers = [("Content-Type", reply.content_type)] if reply.content_type else []
    exchange.respond(reply.status, headers, reply.body)


def _error_answer(request: RecordedRequest, body: bytes) -> Answer:
    """What the caller gets of an error post; an empty one is worded by the platform."""
    error_type = payloads.function_error_type(request.header("Lambda-Runtime-Function-Error-Type") or "")
    content_type = request.header("Content-Type") or ""
    if content_type == _CAUSE_TYPE:
        try:
            error = json.loads(body)
            error.pop("errorCause", None)
            return Answer(json.dumps(error, separators=(",", ":")).encode(), JSON_TYPE, error_type)
        except (ValueError, AttributeError):
            return Answer(b'"Invalid error body"', "application/octet-stream", error_type)
    if not body:
        return payloads.failure(error_type)
    return Answer(body, content_type, error_type)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
