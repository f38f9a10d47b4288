"""Ctrl-C that leaves nothing behind: it waits for calls that make something, and for the deleting at the end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruptions:
    """Turns the first signal that asks to end into an exception, at a moment when that is safe.

    While a call that makes a resource is under way (`deferred`) the exception waits for its answer: a call given up may
    still be carried out after the deletion of what it makes. Once `hold` is called, or the exception was raised, no
    other one follows: the deleting that comes then is not to be interrupted by an impatient second Ctrl-C.
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
        """Let a signal wait until the end of the block."""
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
            print("benchmarks: still deleting what was made; this takes a moment", file=sys.stderr, flush=True)
        elif self._making:
            self._pending = number
            print("benchmarks: stopping after the call that is under way", file=sys.stderr, flush=True)
        else:
            self._raise(number)

    def _raise(self, number: int) -> None:
        self._held, self._pending = True, None
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)
