"""The log of one invocation, as it is kept for its caller: limited, because the function decides its size."""

from __future__ import annotations

MAX_KEPT = 4 * 1024 * 1024  # bytes of a log that is kept whole; of a longer one, a half at each end
_HALF = MAX_KEPT // 2


class KeptLog:
    """Lines of a log; of a long log the first and the last ones, and a line that states what was cut."""

    def __init__(self) -> None:
        self._first = bytearray()
        self._last = bytearray()  # up to twice its limit, so that lines are not moved for each new one
        self._cut = 0

    def add(self, line: str) -> None:
        """Add a line, without its line end."""
        data = line.encode("utf-8", "surrogatepass") + b"\n"
        if not self._last and len(self._first) + len(data) <= _HALF:
            self._first += data
            return
        self._last += data
        if len(self._last) > 2 * _HALF:
            self._shorten()

    @property
    def size(self) -> int:
        """The number of bytes in memory."""
        return len(self._first) + len(self._last)

    def text(self) -> str:
        """Return the lines, each with its newline."""
        if len(self._last) > _HALF:
            self._shorten()
        note = b"[local Lambda] %d bytes of this log are not kept\n" % self._cut if self._cut else b""
        return b"".join((self._first, note, self._last)).decode("utf-8", "surrogatepass")

    def _shorten(self) -> None:
        """Remove the oldest of the last lines."""
        surplus = self._last.find(b"\n", len(self._last) - _HALF - 1) + 1
        self._cut += surplus
        del self._last[:surplus]
