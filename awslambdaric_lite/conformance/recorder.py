"""Double of the classic Runtime API, which has one invocation at a time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..protocol.replies import (
    ACCEPTED,
    INVALID_REQUEST_ID,
    JSON_TYPE,
    Reply,
    refused_transition,
)
from ..protocol.routes import EXTENSIONS, Route, match
from ..protocol.states import (
    RuntimeEvent,
    RuntimeStateMachine,
    State,
    TransitionRefused,
    UnknownRequestId,
)
from .messages import Event, Request
from .server import ApiDouble, React, Response

_VERSION = "/2018-06-01/"
_REPLIES = {Route.RESPONSE: RuntimeEvent.RESPONSE, Route.ERROR: RuntimeEvent.ERROR}


class Recorder(ApiDouble):
    """Server of a list of events to one client.

    Attributes:
        finished: set when a poll arrives and no event is left; that poll gets no response.
        registered: set when a registered extension asks for its first event; that request gets no response, either.
    """

    def __init__(
        self,
        events: Sequence[Event],
        react: React | None = None,
        *,
        host: str = "127.0.0.1",
        limit: int | None = None,
        on_chunk: Callable[[bytes], object] | None = None,
        extensions: bool = True,
    ) -> None:
        """Without `extensions` the Extensions API responds with 404. The other arguments are those of `ApiDouble`."""
        super().__init__(
            react, host=host, limit=limit, on_chunk=None if on_chunk is None else self._end_invocation_if_cut(on_chunk)
        )
        self._extensions = extensions
        self._machine = RuntimeStateMachine()
        self._pending = [
            event if event.request_id else replace(event, request_id=f"request-{number}")
            for number, event in enumerate(events)
        ]
        self._current: Event | None = None
        self.finished = threading.Event()
        self.registered = threading.Event()

    def _end_invocation_if_cut(self, on_chunk: Callable[[bytes], object]) -> Callable[[bytes], object]:
        """Count a response that the test cuts off as a reply: the service ends such an invocation."""

        def on_chunk_or_cut(chunk: bytes) -> None:
            try:
                on_chunk(chunk)
            except OSError:
                with self.changed:
                    if self._machine.state is State.RUNNING:
                        self._accept_reply(RuntimeEvent.RESPONSE, self._machine.request_id or "")
                raise

        return on_chunk_or_cut

    def _on_held(self, request: Request) -> None:
        if request.verb == "next":
            self.finished.set()

    def _step(self, sock: socket.socket, request: Request) -> Response | None:
        if EXTENSIONS in request.path and self._extensions:
            return self._step_of_extension(request)
        start = max(request.path.find(_VERSION), 0)  # a test's address may have a path
        matched = match(request.method, request.path[start:], snap_start=True)
        if isinstance(matched, Reply):
            return Response.of(matched)
        try:
            if matched.route is Route.NEXT:
                return self._next()
            if matched.route is Route.RESTORE_NEXT:
                return Response(200, [], b"")
            if matched.route is Route.INIT_ERROR:
                self._machine.apply(RuntimeEvent.INIT_ERROR)
            elif matched.route in _REPLIES:
                self._accept_reply(_REPLIES[matched.route], matched.request_id)
        except UnknownRequestId:
            return Response.of(INVALID_REQUEST_ID)
        except TransitionRefused as refusal:
            return Response.of(refused_transition(str(refusal)))
        return Response.of(ACCEPTED)

    def _next(self) -> Response | None:
        if self._machine.apply(RuntimeEvent.NEXT) is State.READY:  # else: the same event again
            if not self._pending:
                return None
            self._current = self._pending.pop(0)
            self._machine.invoke(self._current.request_id)
        assert self._current is not None
        return Response(200, self._current.fields(), self._current.body, self._current.render)

    def _accept_reply(self, reply: RuntimeEvent, request_id: str) -> None:
        self._machine.reply(reply, request_id)
        self._machine.apply(RuntimeEvent.REPLY_TAKEN)

    def _step_of_extension(self, request: Request) -> Response | None:
        if request.verb == "extension/register":
            fields = [("Content-Type", JSON_TYPE), ("Lambda-Extension-Identifier", "extension-1")]
            return Response(200, fields, b'{"functionName":"function","functionVersion":"$LATEST","handler":""}')
        self.registered.set()
        return None
