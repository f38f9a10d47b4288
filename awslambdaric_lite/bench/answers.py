"""What a runtime answers to an event, and whether two of them say the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_SHOWN = 160  # characters


@dataclass(frozen=True)
class Answer:
    """The body that a runtime posted as a result or, with an `error_type`, as an error."""

    body: bytes
    error_type: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it is an error."""
        return self.error_type is not None

    def says_the_same_as(self, other: Answer) -> bool:
        """Compare results as JSON values, or byte by byte where they are none; errors by type and message.

        The traces of errors name the files of a runtime, and are no part of the answer.
        """
        if self.failed or other.failed:
            return self.error_type == other.error_type and self._message() == other._message()
        return self.body == other.body or _parsed(self.body) == _parsed(other.body)

    def __str__(self) -> str:
        if self.failed:
            text, start = self._message(), f"the error {self.error_type}"
            return f"{start}: {_shortened(text)}" if text else start
        return _shortened(self.body.decode("utf-8", "backslashreplace")) or "an empty result"

    def _message(self) -> str:
        details = _parsed(self.body)
        message = details.get("errorMessage") if isinstance(details, dict) else None
        return message if isinstance(message, str) else ""


def error_of(body: bytes, header: bytes | None) -> Answer:
    """An error from its body and the `Lambda-Runtime-Function-Error-Type` header; the body's type is preferred."""
    details = _parsed(body)
    named = details.get("errorType") if isinstance(details, dict) else None
    return Answer(body, named if isinstance(named, str) and named else (header or b"Unhandled").decode("latin-1"))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
