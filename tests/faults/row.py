"""Rows of the table of faults, and the verdict on what a client does."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from awslambdaric_lite.conformance.messages import Request
from awslambdaric_lite.conformance.recorder import Recorder
from awslambdaric_lite.conformance.server import React
from tests.support.client_process import GUARD, ClientProcess

EVENTS = 4
POLLS_ON = "polls on"
HANG = "hangs"
SUCCESS = "exits with 0"
DOUBLES, LOSES, HANGS, CRASHES = "doubles", "loses", "hangs", "crashes"
SUCCEEDS, SAYS_NOTHING = "exits with success", "says nothing"
VERDICTS = {
    DOUBLES: "the handler runs twice for one event",
    LOSES: "the handler ran, and its result or error did not reach the API although the process could send it",
    HANGS: "the process neither asks for the next event nor exits",
    CRASHES: "a signal ends the process, which user code did not ask for",
    SUCCEEDS: "the exit status is 0, which user code did not ask for",
    SAYS_NOTHING: "the process exits without a line in the log",
}
"""What a client can do wrong."""


class RestartableRecorder(Recorder):
    """Runtime API that can disappear, and come back at the same address with the same state."""

    @property
    def _host(self) -> str:
        return self.address.partition(":")[0]

    def set_reactions(self, react: React) -> None:
        """Change responses from now on."""
        self._react = react

    def read_large_requests(self) -> None:
        """Read requests of any size on connections that begin from now on."""
        self._limit = None

    def restart(self) -> None:
        """Close the listener and every connection, and listen again on the same port."""
        self.stop()
        self._listener = socket.create_server((self._host, self.port), backlog=512)
        self._start(self._accept)


@dataclass
class World:
    """What the reactions of a row act on."""

    api: RestartableRecorder
    folder: Path
    client: ClientProcess | None = None
    started: threading.Event = field(default_factory=threading.Event)

    def signal(self, number: int) -> Callable[[], None]:
        """Return a function that sends a signal to the client as soon as that is blocked in a system call."""

        def send() -> None:
            assert self.started.wait(GUARD) and self.client is not None
            self.client.wait_until_asleep()
            self.client.process.send_signal(number)

        return send

    def touch(self, name: str) -> None:
        """Create the file that the handler's `wait_for(name)` waits for."""
        (self.folder / name).touch()


@dataclass(frozen=True)
class Row:
    """A fault at a moment in the loop.

    The handler runs for `EVENTS` events; the fault is in the second one, number 1, unless the row says otherwise.

    Attributes:
        fault: what fails; with `moment` it names the row.
        moment: when it fails.
        react: changes responses of the Runtime API.
        setup: code of the handler's module.
        body: code of the handler for event 1; `number` is the event's.
        answers: the reply that each event has to get: `r` for its result, `e` for an error, `x` for either, and `-` if
            nobody can send one.
        ends: the ends that user code asks for, e.g. `killed by SIGTERM`.
        init: init fails, and its error has to reach the API.
        streams: the handler is a generator, which the official client does not support.
        since: the first version of Python that has what the row needs.
        before: called before the client starts.
        limit: bytes of a reply above which the API does not read it.
        on_chunk: called with each chunk of a streamed response before the next one is read.
        why: the reason why the official client does better.
    """

    fault: str
    moment: str
    react: Callable[[World], React] | None = None
    setup: str = ""
    body: str = "pass"
    answers: str = "r" * EVENTS
    ends: tuple[str, ...] = ()
    init: bool = False
    streams: bool = False
    since: tuple[int, int] = (3, 10)
    before: Callable[[World], object] | None = None
    limit: int | None = None
    on_chunk: Callable[[World, bytes], object] | None = None
    why: str = ""

    @property
    def id(self) -> str:
        """The row's unique name."""
        return f"{self.fault}: {self.moment}"

    @property
    def available(self) -> bool:
        """Whether this interpreter has what the row needs."""
        return sys.version_info >= self.since


class Outcome(TypedDict):
    """What a client does with a row.

    Attributes:
        runs: how often the handler ran, by event.
        replies: what the API received, by event: `r` the result, `e` an error, `-` nothing, `!` a wrong result.
        init: whether the API received an error of init.
        status: how the process ended, or that it polls on, or hangs.
        line: the last line of standard output, or of standard error if that has one.
    """

    runs: list[int]
    replies: str
    init: bool
    status: str
    line: str


def lost(row: Row, outcome: Outcome) -> list[int]:
    """Return the numbers of the events whose handler ran, and whose right result did not reach the API."""
    wanted = {"r": "r", "e": "e", "x": "re", "-": "re-"}
    return [
        number
        for number, (runs, reply) in enumerate(zip(outcome["runs"], outcome["replies"], strict=True))
        if (runs or reply != "-") and reply not in wanted[row.answers[number]]
    ]


def faults(row: Row, outcome: Outcome) -> list[str]:
    """Return what a client did wrong, in a word each; nothing if it did right."""
    found = []
    status = outcome["status"]
    if any(runs > 1 for runs in outcome["runs"]):
        found.append(DOUBLES)
    if lost(row, outcome) or (row.init and not outcome["init"]):
        found.append(LOSES)
    if status == HANG:
        found.append(HANGS)
    elif status not in (POLLS_ON, *row.ends):
        if status.startswith("killed by"):
            found.append(CRASHES)
        elif status == SUCCESS:
            found.append(SUCCEEDS)
        elif not outcome["line"]:
            found.append(SAYS_NOTHING)
    return found


def survives(outcome: Outcome) -> bool:
    """Return whether the client handled every event and polls on."""
    return outcome["status"] == POLLS_ON and 0 not in outcome["runs"]


def received(requests: Sequence[Request]) -> str:
    """Return what the API received by event, see `Outcome`; a reply that it accepted decides."""
    replies = ["-"] * EVENTS
    for request in sorted(requests, key=lambda request: request.status == 202):
        if request.verb in ("response", "error") and request.status is not None and request.request_id[-1:].isdigit():
            number = int(request.request_id[-1])
            first = re.search(rb"\d", request.body)
            right = request.verb == "error" or request.unread or (first is not None and int(first[0]) == number)
            replies[number] = request.verb[0] if right else "!"
    return "".join(replies)
