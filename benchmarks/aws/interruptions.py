"""Ctrl-C that leaves no resources: it waits for calls that make some, and for their deletion."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruptions:
    """A handler that turns the first termination signal into an exception at a safe moment.

    During a call that makes a resource (`deferred`) the exception waits for the response, because AWS may carry out an
    abandoned call after the deletion. After `hold` or the first exception signals raise nothing, so that a second
    Ctrl-C does not interrupt the deletion.
    """

    def __init__(self) -> None:
        self._making = 0
        self._pending: int | None = None
        self._held = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Interruptions:
        self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Delay a signal until the block ends."""
        self._making += 1
        try:
            yield
        finally:
            self._making -= 1
            if self._pending is not None and not self._making and not self._held:
                self._raise(self._pending)

    def hold(self) -> None:
        """Raise nothing any more."""
        self._held = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            print("benchmarks: still deleting resources; this takes a moment", file=sys.stderr, flush=True)
        elif self._making:
            self._pending = number
            print("benchmarks: stopping after the current call", file=sys.stderr, flush=True)
        else:
            self._raise(number)

    def _raise(self, number: int) -> None:
        self._held, self._pending = True, None
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)
