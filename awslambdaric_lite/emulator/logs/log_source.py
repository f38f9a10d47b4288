"""A way for a runtime's logs beside its standard output."""

from __future__ import annotations

from typing import Protocol


class LogSource(Protocol):
    """Open from before the start of a runtime to its end."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that tell the runtime of it."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the runtime is to have."""

    def handed_over(self) -> None:
        """The runtime has been started, or never will be."""

    def read(self) -> None:
        """Read what has been written up to now."""

    def close(self) -> None:
        """Read the rest, and take nothing any more."""
