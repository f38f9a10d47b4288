"""Limits of what the clients of one server hold: connections and time."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Activity = Literal["connected", "idle", "head", "body", "response"]


class Wait(NamedTuple):
    """What a server waits for on a connection. While it is equal to the one before, the client makes no progress."""

    activity: Activity
    """`connected` is before the first byte, `idle` between two requests, `response` until the client reads."""
    key: Hashable
    size: int = 0
    """Bytes of the body that have arrived."""


class Client(Protocol):
    """Connection that tells what the server waits for; None while it waits for the application."""

    def wait(self) -> Wait | None: ...
    def expire(self) -> None: ...
    def cut(self) -> None: ...


@dataclass(frozen=True)
class Limits:
    """Limits of one server. A client that is over a limit of time is disconnected; None sets no limit."""

    connections: int
    """Connections at the same time; further clients wait until one is closed."""
    first_byte_s: float = 30.0
    """Seconds from the connection to the first byte of its first request."""
    head_s: float = 30.0
    """Seconds for the head of a request, from its first byte."""
    body_s: float = 60.0
    """Seconds for the body of a request, and one more for each 64 KiB of it."""
    idle_s: float | None = 300.0
    """Seconds between two requests; None for clients that work between them, as runtimes do."""
    response_s: float = 300.0
    """Seconds in which a client reads nothing of its response."""
    room_s: float = 1.0
    """Seconds after which a connection without a request may be closed to make room for another client."""

    @property
    def interval_s(self) -> float:
        """The interval at which connections are looked at."""
        times = (self.first_byte_s, self.head_s, self.body_s, self.idle_s, self.response_s)
        return min(each for each in times if each is not None) / 4

    def excess(self, wait: Wait, waited_s: float) -> str | None:
        """Return the reason why a connection is closed, or None."""
        match wait.activity:
            case "connected" if waited_s > self.first_byte_s:
                return f"no request after {self.first_byte_s:g} s"
            case "head" if waited_s > self.head_s:
                return f"the head of a request was not complete after {self.head_s:g} s"
            case "body" if waited_s > self.body_s + wait.size / 65536:
                return f"the body of a request was not complete after {waited_s:.1f} s"
            case "idle" if self.idle_s is not None and waited_s > self.idle_s:
                return f"no further request for {self.idle_s:g} s"
            case "response" if waited_s > self.response_s:
                return f"the client read nothing of its response for {self.response_s:g} s"
        return None

    def may_make_room(self, wait: Wait, waited_s: float) -> bool:
        """Return whether a connection may be closed so that another client is served."""
        unused = wait.activity in ("connected", "head") or (wait.activity == "idle" and self.idle_s is not None)
        return unused and waited_s >= self.room_s


class Waits:
    """The waits of all connections, as they were at the last looks, on a clock that stops with the clients."""

    def __init__(self) -> None:
        self._since: dict[Client, tuple[Wait, float]] = {}
        self._stopped_at: float | None = None

    def stop(self) -> None:
        """Stop the clock, because the clients are frozen."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()

    def go_on(self) -> None:
        """Let the clock run again."""
        if self._stopped_at is not None:
            stopped_s = time.monotonic() - self._stopped_at
            self._since = {client: (wait, since + stopped_s) for client, (wait, since) in self._since.items()}
            self._stopped_at = None

    def look(self, clients: Iterable[Client]) -> Iterator[tuple[Client, Wait, float]]:
        """Look at all clients; yield those that the server waits for, and for how long, the longest wait first."""
        now = time.monotonic() if self._stopped_at is None else self._stopped_at
        before, self._since = self._since, {}
        for client in clients:
            if (wait := client.wait()) is not None:
                known, since = before.get(client, (None, now))
                same = known is not None and known[:2] == wait[:2]
                self._since[client] = wait, since if same else now
        found = sorted(self._since.items(), key=lambda each: each[1][1])
        return ((client, wait, now - since) for client, (wait, since) in found)
