"""Second source of a runtime's logs, with its standard output."""

from __future__ import annotations

from typing import Protocol


class LogSource(Protocol):
    """Log source that is open before the start of a runtime and after its exit."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables for the runtime."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the runtime inherits."""

    def handed_over(self) -> None:
        """Release what the runtime inherits, after its start or a failed start."""

    def read(self) -> None:
        """Read the available logs."""

    def close(self) -> None:
        """Read the rest and close the source."""
