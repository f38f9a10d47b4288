"""Double of the Runtime API of Managed Instances, which has several invocations at a time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

from ..protocol.replies import ACCEPTED, INVALID_REQUEST_ID, Reply
from ..protocol.routes import Route, match
from .messages import Event, Request
from .server import ApiDouble, React, Response


class ManagedRecorder(ApiDouble):
    """Server of a list of events to concurrent polls.

    A reply gets its response when `concurrency` events were delivered, so that a client that handles fewer at a time
    never gets one.

    Attributes:
        finished: set when every event has a reply and a poll waits.
    """

    def __init__(self, events: Sequence[Event], react: React | None, concurrency: int) -> None:
        super().__init__(react)
        self._pending = list(events)
        self._concurrency = concurrency
        self._delivered = 0
        self._unanswered: set[str] = set()
        self._held = 0
        self._stopped = False
        self.finished = threading.Event()

    def stop(self) -> None:
        with self.changed:
            self._stopped = True
            self.changed.notify_all()
        super().stop()

    def _step(self, sock: socket.socket, request: Request) -> Response | None:
        matched = match(request.method, request.path)
        if isinstance(matched, Reply):
            return Response.of(matched)
        if matched.route is Route.NEXT:
            if not self._pending:
                return None
            event = self._pending.pop(0)
            self._delivered += 1
            self.changed.notify_all()
            self._unanswered.add(event.request_id)
            return Response(200, event.fields(), event.body, event.render)
        if matched.route in (Route.RESPONSE, Route.ERROR):
            self.changed.wait_for(lambda: self._delivered >= self._concurrency or self._stopped)
            if self._stopped:
                return None
            if matched.request_id not in self._unanswered:
                return Response.of(INVALID_REQUEST_ID)
            self._unanswered.remove(matched.request_id)
            self._finish()
        return Response.of(ACCEPTED)

    def _on_held(self, request: Request) -> None:
        with self.changed:
            self._held += request.verb == "next"
            self._finish()

    def _finish(self) -> None:
        if self._held and not self._pending and not self._unanswered:
            self.finished.set()
