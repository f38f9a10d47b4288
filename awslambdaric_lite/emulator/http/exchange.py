"""One request and its answer, as an application sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Framing = Literal["auto", "length", "chunked"]
Headers = Sequence[tuple[str, str]]


@dataclass
class RecordedRequest:
    """A request as it reached the server, and the status it got."""

    method: str
    path: str
    http_version: str
    headers: list[tuple[str, str]]  # in order, spelled as sent
    connection: int  # connections are numbered from 1
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False
    status: int | None = None

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, whatever its case."""
        return find(self.headers, name)


class Application(Protocol):
    """What a server calls, always from its event loop. Each method may answer the exchange."""

    def on_head(self, exchange: Exchange) -> None:
        """The request line and headers are in."""

    def on_body(self, exchange: Exchange) -> None:
        """The body is in, to its end; not called where the head was answered."""

    def on_truncated(self, exchange: Exchange) -> None:
        """The client stopped sending before the end of the body."""

    def on_lost(self, exchange: Exchange) -> None:
        """The connection went while the exchange waited for its answer."""


class Responder(Protocol):
    """The connection that a response is sent on."""

    writable: asyncio.Event

    def respond(self, status: int, headers: Headers, body: bytes, framing: Framing) -> None: ...
    def start(self, status: int, headers: Headers) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def finish(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cut(self) -> None: ...


class Exchange:
    """One request and the answer to it."""

    __slots__ = ("_connection", "body", "body_size", "keep", "on_data", "request")

    def __init__(self, connection: Responder, request: RecordedRequest) -> None:
        self._connection: Responder | None = connection
        self.request = request
        self.body = bytearray()
        self.body_size = 0
        self.keep: int | None = None  # keep only so many bytes of the body, but count all
        self.on_data: Callable[[bytes], None] | None = None  # takes the body in parts, instead of `body`

    @property
    def open(self) -> bool:
        """Whether an answer, or the rest of one, is still awaited."""
        return self._connection is not None

    def respond(self, status: int, headers: Headers, body: bytes, framing: Framing = "auto") -> None:
        """Send the answer; does nothing when the client has gone or was answered."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.respond(status, headers, body, framing)

    def start(self, status: int, headers: Headers) -> None:
        """Begin an answer whose body follows with `write`, up to `finish`."""
        if self._connection is not None and not self._connection.start(status, headers):
            self._connection = None

    def write(self, data: bytes) -> None:
        """Send a part of the body; does nothing when the client has gone."""
        if self._connection is not None and data:
            self._connection.write(data)

    async def drained(self) -> None:
        """Wait until the client has read most of what was written, or has gone."""
        if self._connection is not None:
            await self._connection.writable.wait()

    def finish(self) -> None:
        """End a body that was sent in parts."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish()

    def abort(self) -> None:
        """Cut the connection: how an answer that began and cannot go on ends."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.cut()

    def pause(self) -> None:
        """Read no more of the request's body for now, so that its sender feels it."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Go on reading the request's body."""
        if self._connection is not None:
            self._connection.resume()

    def drop(self) -> None:
        """Nobody is there to be answered any more."""
        self._connection = None


def find(headers: Headers, name: str) -> str | None:
    """The value of the first header of that name, whatever its case."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)
