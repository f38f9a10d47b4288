"""The concurrency of an account: what functions reserve is theirs, all others share the rest."""

from __future__ import annotations

from ..errors import TooManyRequests
from ..results import Invocation

ACCOUNT_CONCURRENCY = 1000
"""The default of AWS."""


class AccountConcurrency:
    """The limit of concurrent invocations of an account."""

    def __init__(self, limit: int = ACCOUNT_CONCURRENCY) -> None:
        self.limit = limit
        self.reserved: dict[str, int] = {}
        """What functions reserve, by their names."""
        self._running = 0  # of functions that reserve nothing

    @property
    def unreserved(self) -> int:
        """The limit of the functions that reserve nothing, together."""
        return self.limit - sum(self.reserved.values())

    def enter(self, name: str, invocation: Invocation) -> None:
        """Count an invocation of a function until its caller has the response.

        Raises:
            TooManyRequests: the limit is reached.
        """
        if name in self.reserved:
            return
        if self._running >= self.unreserved:
            raise TooManyRequests(f"the account runs {self._running} invocations, its limit", "account")
        self._running += 1
        invocation.answered.add_done_callback(lambda answered: self._leave())

    def _leave(self) -> None:
        self._running -= 1
