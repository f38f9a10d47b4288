"""What a caller of the Invoke API receives, and checks of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .record import Unmet, error_of, is_type, shown


@dataclass(frozen=True)
class Outcome:
    """The payload that a caller receives.

    Attributes:
        failed: whether it is a function error; None if the server does not say so.
    """

    payload: bytes
    failed: bool | None = None

    def document(self) -> Any:
        """Return the parsed payload; None if it is not JSON."""
        try:
            return json.loads(self.payload)
        except ValueError:
            return None


OutcomeCheck = Callable[[Outcome], None]


def value(expected: object) -> OutcomeCheck:
    """Check that the payload is this JSON value."""

    def check(outcome: Outcome) -> None:
        if outcome.failed or outcome.document() != expected:
            raise Unmet(f"the caller gets {shown(outcome.payload)}, not {str(expected)[:100]}")

    return check


def error(error_type: str = "", message: str = "") -> OutcomeCheck:
    """Check that the payload is an error document with this type, whose message contains this text."""

    def check(outcome: Outcome) -> None:
        document = error_of(outcome.payload)
        if outcome.failed is False:
            raise Unmet("the caller gets an error document that is not marked as a function error")
        if error_type and not is_type(document["errorType"], error_type):
            raise Unmet(f"the caller gets the error type {document['errorType']!r}, not {error_type!r}")
        if message not in document["errorMessage"]:
            raise Unmet(f"the caller gets the error message {document['errorMessage'][:200]!r}, not {message!r}")

    return check


def contains(text: str) -> OutcomeCheck:
    """Check that the payload contains this text."""

    def check(outcome: Outcome) -> None:
        if text.encode() not in outcome.payload:
            raise Unmet(f"the caller gets {shown(outcome.payload)}, without {text!r}")

    return check
