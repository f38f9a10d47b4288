"""How fast the platform takes a streamed response. No I/O: the caller passes the time."""

from __future__ import annotations

import math

BURST = 6 * 1024 * 1024  # bytes without a limit of the rate
REFILL_S = 0.125


class TokenBucket:
    """Limiter that lets a burst pass and the rest at a steady rate, in steps of 125 ms as on AWS.

    Source: the Runtime API's open server, `interop/model.go` and `core/bandwidthlimiter`.
    """

    __slots__ = ("_filled_at", "_per_step", "_tokens")

    def __init__(self, bytes_per_s: float, now: float) -> None:
        self._per_step = bytes_per_s * REFILL_S
        self._tokens = float(BURST)
        self._filled_at = now

    def take(self, size: int, now: float) -> float:
        """Count received bytes; return the seconds for which no more should be read."""
        steps = max(int((now - self._filled_at) / REFILL_S), 0)
        self._filled_at += steps * REFILL_S
        self._tokens = min(self._tokens + steps * self._per_step, float(BURST)) - size
        if self._tokens >= 0:
            return 0.0
        missing = math.ceil(-self._tokens / self._per_step)
        return self._filled_at + missing * REFILL_S - now
