"""Plays a transcript: sends bytes to a Runtime API, and records the replies without ids and times."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import NamedTuple

from tests.emulator.harness import WAIT, Client, HttpReply, get, post

from .stages import Stage

_SHOWN = 400  # bytes; of a longer body only the length is compared


class Note(NamedTuple):
    """One reply, or the end of a connection."""

    status: int | str
    content_type: str
    body: bytes

    def __repr__(self) -> str:
        return f"{self.status} {self.content_type} {self.body!r}"


END = Note("end", "", b"")
"""The server closed the connection."""


class Play:
    """One transcript on one stage."""

    def __init__(self, stage: Stage) -> None:
        self.notes: list[Note] = []
        self._stage = stage
        self._callers: list[Future[bytes]] = []
        self._ids: list[str] = []
        self._connections: list[PlayConnection] = []

    def __enter__(self) -> Play:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for connection in self._connections:
            connection.close()

    def invoke(self, event: bytes = b"{}") -> None:
        """Invoke the function."""
        self._callers.append(self._stage.invoke(event))
        if len(self._callers) == 1:
            self._stage.ready()

    def invoke_again(self, connection: PlayConnection, event: bytes) -> str:
        """Invoke the function for a poll that was sent before; return the request id.

        Managed Instances refuse an invocation until the poll has arrived, which is then repeated.
        """
        deadline = time.monotonic() + WAIT
        while True:
            caller = self._stage.invoke(event)
            while not connection.readable(0.01) and not caller.done():
                assert time.monotonic() < deadline, "the event does not come"
            if not caller.done():
                self._callers.append(caller)
                return connection.read().headers["lambda-runtime-aws-request-id"]

    def caller(self) -> None:
        """Record the result of the first caller that has not been recorded."""
        self.note("caller", "", self._callers.pop(0).result(WAIT))

    def await_last_caller(self) -> None:
        """Wait until the last caller has its result."""
        self._callers[-1].result(WAIT)

    def connect(self) -> PlayConnection:
        """Open a connection."""
        self._connections.append(PlayConnection(self, self._stage.address))
        return self._connections[-1]

    def begin(self, event: bytes = b"{}") -> tuple[PlayConnection, str]:
        """Invoke the function and poll for its event; return the connection and the request id."""
        self.invoke(event)
        connection = self.connect()
        return connection, connection.next()

    def know(self, request_id: str) -> None:
        """Replace this id in later notes, because it differs from play to play."""
        if request_id not in self._ids:
            self._ids.append(request_id)

    def note(self, status: int | str, content_type: str, body: bytes) -> None:
        """Record a reply."""
        for number, known in enumerate(self._ids, 1):
            body = body.replace(known.encode(), b"<id %d>" % number)
        self.notes.append(Note(status, content_type, body if len(body) <= _SHOWN else b"<%d bytes>" % len(body)))


Transcript = Callable[[Play], None]


class PlayConnection:
    """A connection of the runtime, which records each reply that it reads."""

    def __init__(self, play: Play, address: str) -> None:
        self._play = play
        self._client = Client(address)

    def close(self) -> None:
        """Close the connection."""
        self._client.__exit__(None, None, None)

    def send(self, data: bytes) -> None:
        """Send bytes unchanged."""
        self._client.send(data)

    def shut_down(self) -> None:
        """Close the sending side."""
        self._client.socket.shutdown(socket.SHUT_WR)

    def read(self) -> HttpReply:
        """Read and record a reply, or record that the connection is closed."""
        try:
            reply = self._client.read()
        except (IndexError, ConnectionError):
            self._play.note(*END)
            return HttpReply(0, {}, b"")
        if "lambda-runtime-aws-request-id" in reply.headers:
            self._play.know(reply.headers["lambda-runtime-aws-request-id"])
        self._play.note(reply.status, reply.headers.get("content-type", ""), reply.body)
        return reply

    def ask(self, data: bytes) -> HttpReply:
        """Send a request and read the reply."""
        self.send(data)
        return self.read()

    def readable(self, timeout_s: float) -> bool:
        """Return whether bytes arrive within that time."""
        return bool(select.select([self._client.socket], [], [], timeout_s)[0])

    def end(self) -> None:
        """Assert and record that the server closes the connection."""
        try:
            at_end = self._client.at_end()
        except ConnectionError:
            at_end = True
        assert at_end, "the server sends more"
        self._play.note(*END)

    def next(self) -> str:
        """Ask for an event and return its request id."""
        return self.ask(get()).headers.get("lambda-runtime-aws-request-id", "")

    def poll(self) -> None:
        """Send a poll for a later event."""
        self.send(get())

    def reply(self, request_id: str, body: bytes = b"{}", *headers: str, kind: str = "response") -> None:
        """Reply to an invocation."""
        self.ask(post(f"invocation/{request_id}/{kind}", body, *headers))

    def finish(self, request_id: str, body: bytes = b"{}") -> None:
        """Reply, poll for the next event, and record the caller's result."""
        self.reply(request_id, body)
        self.poll()
        self._play.caller()
