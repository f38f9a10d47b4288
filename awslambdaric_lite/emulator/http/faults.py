"""Network faults between a runtime and its Runtime API, which a test injects into the following requests.

    function.faults.reset(on="next")
    function.faults.cut_after(10, on="response", times=2)

`reset`, `status` and `garbage` apply before the API sees the request; `delay` and `cut_after` apply to the response, so
the request has its effect.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Literal, get_args

Target = Literal["next", "response", "error", "init/error", "restore/next", "restore/error"]
"""The requests of a runtime, by the end of their paths; `error` is that of an invocation."""

_RESET = struct.pack("ii", 1, 0)  # no linger time: closing sends a reset
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
    """Fault of one request or of its response."""

    reset: bool = False
    """Reset the connection when the head of the request has been read."""
    garbage: bytes | None = None
    """Send these bytes as the response and close the connection."""
    status: int | None = None
    """Respond with this status; the API does not see the request."""
    delay_s: float = 0.0
    """Delay the response by this many seconds."""
    cut_after: int | None = None
    """Send only this many bytes of the response, head included, and close the connection."""

    def spoil(self, transport: asyncio.Transport) -> None:
        """Reset the connection, or send the garbage."""
        if self.reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        elif self.garbage is not None:
            transport.write(self.garbage)


class Faults:
    """Queue of faults, in the order of the calls; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Target | None, Fault]] = []

    def reset(self, *, on: Target | None = None, times: int = 1) -> None:
        """Reset the connection on the next request."""
        self._add(Fault(reset=True), on, times)

    def cut_after(self, size: int, *, on: Target | None = None, times: int = 1) -> None:
        """Cut the response to the next request after `size` bytes; the request has its effect."""
        if size < 0:
            raise ValueError(f"a response cannot be cut after {size} bytes; give 0 or more")
        self._add(Fault(cut_after=size), on, times)

    def delay(self, seconds: float, *, on: Target | None = None, times: int = 1) -> None:
        """Delay the response to the next request."""
        if seconds < 0:
            raise ValueError(f"a response cannot be delayed by {seconds:g} s; give 0 or more")
        self._add(Fault(delay_s=seconds), on, times)

    def status(self, status: int = 503, *, on: Target | None = None, times: int = 1) -> None:
        """Respond to the next request with this status; the request has no effect."""
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is not the status of a response; give one from 200 to 599, e.g. 503")
        self._add(Fault(status=status), on, times)

    def garbage(self, data: bytes = _GARBAGE, *, on: Target | None = None, times: int = 1) -> None:
        """Respond to the next request with bytes that are not HTTP; the request has no effect."""
        self._add(Fault(garbage=data), on, times)

    @property
    def waiting(self) -> int:
        """The number of faults that have not been applied yet."""
        with self._lock:
            return len(self._waiting)

    def clear(self) -> None:
        """Remove the faults that have not been applied yet."""
        with self._lock:
            self._waiting.clear()

    def take(self, path: str) -> Fault | None:
        """Return and remove the fault for a request to a path."""
        with self._lock:
            for at, (on, fault) in enumerate(self._waiting):
                if on is None or _PATHS[on].search(path):
                    del self._waiting[at]
                    return fault
        return None

    def _add(self, fault: Fault, on: Target | None, times: int) -> None:
        if on is not None and on not in _PATHS:
            raise ValueError(f"unknown request {on!r}; choose one of: {', '.join(get_args(Target))}")
        if times < 1:
            raise ValueError(f"a fault cannot be applied {times} times; give 1 or more")
        with self._lock:
            self._waiting += [(on, fault)] * times  # pyright: ignore[reportAttributeAccessIssue]
