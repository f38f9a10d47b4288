"""The record of a case that ran: requests of the runtime, its output, and the exit of its process."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .messages import Request

MISSING = "BehaviourMissing"
"""The error type by which a handler says that it lacks a behaviour."""


class Unmet(Exception):
    """The runtime did not do what a case demands; the text says what it did."""


class NotRun(Exception):
    """A case could not be run; the text says why."""


@dataclass(frozen=True)
class Record:
    """Record of one process.

    Attributes:
        output: of both standard streams.
        frames: the bytes on the telemetry descriptor.
        exit_code: negative for a signal; None if the process waited for another event, or longer than the limit.
        waited: whether the process waited for another event.
        chunk_times: when each chunk of a streamed response arrived, in seconds.
    """

    requests: Sequence[Request]
    output: str
    frames: bytes = b""
    exit_code: int | None = None
    waited: bool = True
    chunk_times: Sequence[float] = ()

    @property
    def posts(self) -> list[Request]:
        """The responses and errors in order, without those of extensions."""
        return [each for each in self.requests if each.method == "POST" and "/extension/" not in each.path]

    def of(self, verb: str) -> list[Request]:
        """Return the requests of a verb: `next`, `response`, `error`, `init/error` and so on."""
        return [request for request in self.requests if request.verb == verb]

    def accepted(self, number: int) -> Request:
        """Return the post that the Runtime API accepted for an event.

        Raises:
            Unmet: no such post arrived, or several.
        """
        found = [post for post in self.posts if post.request_id == request_id(number) and post.status == 202]
        if not found:
            raise Unmet(f"event {number + 1} got no response{self.ending()}")
        if len(found) > 1:
            raise Unmet(f"event {number + 1} got {len(found)} responses")
        return found[0]

    def ending(self) -> str:
        """Return how the process ended, as the end of a sentence."""
        if self.exit_code is not None:
            end = f"exit code {self.exit_code}" if self.exit_code >= 0 else f"signal {-self.exit_code}"
            return f"; the process ended with {end}"
        return (
            ""
            if self.waited
            else f"; the process does not wait for the next event, after {len(self.requests)} requests"
        )


def request_id(number: int) -> str:
    """Return the request id of an event."""
    return f"conformance-{number}"


def error_of(body: bytes) -> dict[str, Any]:
    """Parse an error document.

    Raises:
        Unmet: the body is not a JSON object with the texts `errorType` and `errorMessage`.
    """
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(
        isinstance(document.get(name), str) for name in ("errorType", "errorMessage")
    ):
        raise Unmet(f"the error document is {shown(body)}")
    return document


def shown(body: bytes) -> str:
    """Return the beginning of a body as text."""
    return body[:200].decode("utf-8", "backslashreplace")


def is_type(given: object, name: str) -> bool:
    """Return whether an error type is that of the page; a language may put names of modules or classes first."""
    return isinstance(given, str) and re.split(r"\.|::|\$", given)[-1] == name
