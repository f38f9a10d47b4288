"""What a case is: events, faults of the Runtime API, and what a runtime client must do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..common.json_text import compact
from .checks import Check
from .messages import Event
from .outcomes import OutcomeCheck
from .record import request_id
from .server import React, Reaction

INIT = "CONFORMANCE_INIT"
"""The environment variable that selects the behaviour of the init phase."""
SHUT_DOWN = "shut down"
"""What a shutdown hook prints."""
TRACE = "Lambda-Runtime-Trace-Id"
TRACE_IDS = [f"Root=1-5759e988-bd862e3fe1be46a99427279{n};Parent=53995c3f42cd8ad8;Sampled=1" for n in range(4)]


@dataclass(frozen=True)
class Case:
    """A case at the Runtime API.

    Attributes:
        line: the key of its line in `LINES`.
        demand: what the client must do, as a sentence.
        react: changes responses of the API.
        concurrency: the number of invocations at a time, as on Managed Instances; 0 is an ordinary function.
        descriptor: whether the process has a telemetry descriptor.
        sigterm: whether the process gets SIGTERM after the last event.
        limit: size in bytes from which the API refuses a body without reading it.
    """

    id: str
    line: str
    demand: str
    events: Sequence[Event]
    expect: Sequence[Check]
    env: Mapping[str, str] = field(default_factory=dict)
    react: React | None = None
    concurrency: int = 0
    descriptor: bool = False
    sigterm: bool = False
    limit: int | None = None


@dataclass(frozen=True)
class CallerCase:
    """A case at the Invoke API: each event, and the check of its outcome; `logged` is a line of the whole log."""

    id: str
    line: str
    demand: str
    calls: Sequence[tuple[bytes, OutcomeCheck]]
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 30
    logged: str = ""


def ask(behaviour: str, number: int = 0, /, *fields: tuple[str, str], **members: object) -> Event:
    """Return the event that asks for a behaviour; `fields` are header fields."""
    return Event(asked(behaviour, **members), request_id(number), tuple(fields))


def asked(behaviour: str, **members: object) -> bytes:
    """Return the body of an event that asks for a behaviour."""
    return compact({"behaviour": behaviour, **members}, ascii_only=True).encode()


def echoes(count: int) -> list[Event]:
    """Return events whose responses are 0, 1, 2 and so on."""
    return [ask("echo", number, value=number) for number in range(count)]


def on(verb: str, number: int, reaction: Reaction) -> React:
    """Change the response to the request of a verb with this number, from 0."""
    return lambda request, count: reaction if (request.verb, count) == (verb, number) else None


def after(verb: str, number: int, reaction: Reaction) -> React:
    """Change the responses to the requests of a verb from this number on."""
    return lambda request, count: reaction if request.verb == verb and count >= number else None
