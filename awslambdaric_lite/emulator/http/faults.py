"""Faults of the network between a runtime and its Runtime API, ordered by a test and met by the requests that follow.

    function.faults.reset(on="next")
    function.faults.cut_after(10, on="response", times=2)

`reset`, `status` and `garbage` strike before the API sees the request; `delay` and `cut_after` strike its answer, so
the request has its effect.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Literal, get_args

Target = Literal["next", "response", "error", "init/error", "restore/next", "restore/error"]
"""The requests of a runtime, by the end of their paths; `error` is that of an invocation."""

_GARBAGE = b"\x16\x03\x01 this is not HTTP\r\n\r\n\x00\xff"
_PATHS: dict[str, re.Pattern[str]] = {
    target: re.compile(rf"/runtime/{path}(\?|$)")
    for target, path in {
        "next": "invocation/next",
        "response": "invocation/[^/]+/response",
        "error": "invocation/[^/]+/error",
        "init/error": "init/error",
        "restore/next": "restore/next",
        "restore/error": "restore/error",
    }.items()
}


@dataclass(frozen=True)
class Fault:
    """What happens to one request or to its answer."""

    reset: bool = False
    """The connection is reset as soon as the head of the request is in."""
    garbage: bytes | None = None
    """These bytes are the answer, and the end of the connection."""
    status: int | None = None
    """The answer has this status, and the API does not see the request."""
    delay_s: float = 0.0
    """The answer leaves so much later."""
    cut_after: int | None = None
    """Of the answer, head included, only so many bytes leave before the connection closes."""


class Faults:
    """The faults that wait for a request, in the order in which they were asked for. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Target | None, Fault]] = []

    def reset(self, *, on: Target | None = None, times: int = 1) -> None:
        """Reset the connection on the next request."""
        self._add(Fault(reset=True), on, times)

    def cut_after(self, size: int, *, on: Target | None = None, times: int = 1) -> None:
        """Let the next request have its effect, and its answer end after so many bytes, which may be none."""
        if size < 0:
            raise ValueError(f"an answer cannot be cut after {size} bytes; give 0 or more")
        self._add(Fault(cut_after=size), on, times)

    def delay(self, seconds: float, *, on: Target | None = None, times: int = 1) -> None:
        """Let the answer to the next request come late."""
        if seconds < 0:
            raise ValueError(f"an answer cannot be delayed by {seconds:g} s; give 0 or more")
        self._add(Fault(delay_s=seconds), on, times)

    def status(self, status: int = 503, *, on: Target | None = None, times: int = 1) -> None:
        """Answer the next request with this status, and not let it have its effect."""
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is no status of an answer; give one from 200 to 599, such as 503")
        self._add(Fault(status=status), on, times)

    def garbage(self, data: bytes = _GARBAGE, *, on: Target | None = None, times: int = 1) -> None:
        """Answer the next request with bytes that are not HTTP, and not let it have its effect."""
        self._add(Fault(garbage=data), on, times)

    @property
    def waiting(self) -> int:
        """How many faults have not struck yet."""
        with self._lock:
            return len(self._waiting)

    def clear(self) -> None:
        """Forget the faults that have not struck yet."""
        with self._lock:
            self._waiting.clear()

    def take(self, path: str) -> Fault | None:
        """The fault for a request to this path, which is used up by it."""
        with self._lock:
            for at, (on, fault) in enumerate(self._waiting):
                if on is None or _PATHS[on].search(path):
                    del self._waiting[at]
                    return fault
        return None

    def _add(self, fault: Fault, on: Target | None, times: int) -> None:
        if on is not None and on not in _PATHS:
            raise ValueError(f"there is no request {on!r}; it is one of {', '.join(get_args(Target))}")
        if times < 1:
            raise ValueError(f"a fault cannot strike {times} times; give 1 or more")
        with self._lock:
            self._waiting += [(on, fault)] * times
