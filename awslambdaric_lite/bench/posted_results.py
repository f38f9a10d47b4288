"""What a runtime posts for an event, and whether the results of two runtimes are equal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_SHOWN = 160  # characters


@dataclass(frozen=True)
class PostedResult:
    """The body that a runtime posted as a response or, with an `error_type`, as an error."""

    body: bytes
    error_type: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it is an error."""
        return self.error_type is not None

    def equals(self, other: PostedResult) -> bool:
        """Compare responses as JSON values, or byte by byte if they are not JSON; errors by type and message.

        The stack traces of errors name the files of a runtime, so they are not compared.
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


def posted_error(body: bytes, header: str | None) -> PostedResult:
    """Return an error; the type in its body is preferred to the header `Lambda-Runtime-Function-Error-Type`."""
    details = _parsed(body)
    named = details.get("errorType") if isinstance(details, dict) else None
    return PostedResult(body, named if isinstance(named, str) and named else header or "Unhandled")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
