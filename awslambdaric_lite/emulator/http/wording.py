"""The words of HTTP that h11 leaves to its user."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def reason(status: int) -> bytes:
    """The reason phrase of a status."""
    return _REASONS.get(status, b"Unknown")


def phrase(status: int) -> bytes:
    """A status and its reason."""
    return b"%d %s" % (status, reason(status))


def date() -> bytes:
    """The value of a `Date` header, now."""
    now = time.gmtime()  # by hand: strftime would speak the language of the process
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT"
    return f"{_DAYS[now.tm_wday]}, {now.tm_mday:02} {_MONTHS[now.tm_mon - 1]} {now.tm_year} {clock}".encode()


def text(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Headers as text; bytes that are not UTF-8 survive as surrogates."""
    return [(name.decode("ascii"), value.decode("utf-8", "surrogateescape")) for name, value in headers]
