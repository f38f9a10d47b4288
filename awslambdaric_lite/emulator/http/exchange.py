"""Exchanges: a request and its response, as an application handles them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Framing = Literal["auto", "length", "chunked"]
Headers = Sequence[tuple[str, str]]

_FINISH_LIMIT_S = 1.0  # for callers to read their responses


@dataclass
class RecordedRequest:
    """A request as it reached the server, with the status of its response."""

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
        """Return the value of the first header of that name, in any case."""
        return find(self.headers, name)


class Application(Protocol):
    """Application of a server, called from its event loop; each method may respond."""

    def on_head(self, exchange: Exchange) -> None:
        """Handle a request whose head has been read."""

    def on_body(self, exchange: Exchange) -> None:
        """Handle a request whose body has been read; not called after a response to the head."""

    def on_truncated(self, exchange: Exchange) -> None:
        """Handle a truncated request."""

    def on_lost(self, exchange: Exchange) -> None:
        """Handle a client that disconnected before the response."""


class Responder(Protocol):
    """Connection that sends a response."""

    writable: asyncio.Event

    def respond(self, status: int, headers: Headers, body: bytes, framing: Framing) -> None: ...
    def start(self, status: int, headers: Headers) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def finish(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cut(self) -> None: ...


class Exchange:
    """One request and its response."""

    __slots__ = ("_connection", "body", "body_is_timed", "body_size", "keep", "on_data", "request")

    def __init__(self, connection: Responder, request: RecordedRequest) -> None:
        self._connection: Responder | None = connection
        self.request = request
        self.body = bytearray()
        self.body_size = 0
        self.body_is_timed = True  # False for a body that takes as long as a function needs for it
        self.keep: int | None = None  # bytes of the body that are kept; all are counted
        self.on_data: Callable[[bytes], None] | None = None  # receives the body in parts, instead of `body`

    @property
    def open(self) -> bool:
        """Whether the response is not complete."""
        return self._connection is not None

    def respond(self, status: int, headers: Headers, body: bytes, framing: Framing = "auto") -> None:
        """Send the response, unless the client has disconnected or has a response."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.respond(status, headers, body, framing)

    def start(self, status: int, headers: Headers) -> None:
        """Begin a response whose body is sent with `write` and ends with `finish`."""
        if self._connection is not None and not self._connection.start(status, headers):
            self._connection = None

    def write(self, data: bytes) -> None:
        """Send a part of the body, unless the client has disconnected."""
        if self._connection is not None and data:
            self._connection.write(data)

    async def drained(self) -> None:
        """Wait until the client has read most of the written bytes, or has disconnected; other tasks run first."""
        await asyncio.sleep(0)
        if self._connection is not None:
            await self._connection.writable.wait()

    def finish(self) -> None:
        """End a body that was sent in parts."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish()

    def abort(self) -> None:
        """Abort the connection, because a response that has begun cannot be completed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.cut()

    def pause(self) -> None:
        """Pause reading the request's body, so that its sender has to wait."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Continue to read the request's body."""
        if self._connection is not None:
            self._connection.resume()

    def drop(self) -> None:
        """Note that the client has disconnected."""
        self._connection = None


async def finish_responses(exchanges: Mapping[asyncio.Task[None], Exchange]) -> None:
    """Wait for the tasks of unfinished responses; cut off the callers that read too slowly."""
    if exchanges:
        await asyncio.wait(exchanges, timeout=_FINISH_LIMIT_S)
    for exchange in exchanges.values():
        exchange.abort()
    await asyncio.gather(*exchanges, return_exceptions=True)


def find(headers: Headers, name: str) -> str | None:
    """Return the value of the first header of that name, in any case."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)
