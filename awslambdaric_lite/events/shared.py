"""Times, ids and contents of events.

One id of each event is new unless the caller gives one. Everything else that looks random is derived from that id, so
that an event with given ids and a given time is always the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from ..common.regions import REGION as REGION

Event = dict[str, Any]
When = datetime | float | None
Content = object  # bytes, text in UTF-8, or anything else as JSON
TextContent = object  # text as it is, or anything else as JSON; services that carry text refuse bytes

ACCOUNT = "123456789012"
SOURCE_IP = "203.0.113.17"  # an address for documentation (RFC 5737)

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Moment:
    """An instant, in the formats that AWS services use.

    Args:
        time: an aware datetime or seconds since the epoch; None means now.

    Raises:
        ValueError: the datetime has no time zone, or the number is out of range.
    """

    def __init__(self, time: When) -> None:
        if time is None:
            time = datetime.now(timezone.utc)
        elif not isinstance(time, datetime):
            try:
                time = _EPOCH + timedelta(seconds=time)
            except (OverflowError, ValueError):
                raise ValueError(f"time {time} is out of range; give seconds since the epoch") from None
        elif time.tzinfo is None:
            raise ValueError(f"time {time.isoformat()} has no time zone; add tzinfo=timezone.utc")
        self._utc = utc = time.astimezone(timezone.utc)
        self.epoch_ms = (utc - _EPOCH) // timedelta(milliseconds=1)
        self.epoch_s = self.epoch_ms / 1000

    @property
    def iso(self) -> str:
        """`2020-03-12T19:03:58Z`"""
        return self._utc.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def iso_ms(self) -> str:
        """`2020-03-12T19:03:58.390Z`"""
        return f"{self.iso[:-1]}.{self.epoch_ms % 1000:03}Z"

    @property
    def log_time(self) -> str:
        """`12/Mar/2020:19:03:58 +0000`, the time in web server logs, with English months in every locale."""
        utc = self._utc
        return f"{utc:%d}/{_MONTHS[utc.month - 1]}/{utc:%Y:%H:%M:%S} +0000"

    @property
    def mail_date(self) -> str:
        """`Thu, 12 Mar 2020 19:03:58 +0000`"""
        utc = self._utc
        return f"{_DAYS[utc.weekday()]}, {utc:%d} {_MONTHS[utc.month - 1]} {utc:%Y %H:%M:%S} +0000"

    @property
    def day(self) -> str:
        """`2020/03/12`, the day in names of log streams."""
        return self._utc.strftime("%Y/%m/%d")


def fresh_id() -> str:
    """Return a new UUID as text."""
    return str(uuid.uuid4())


def hexadecimal(identity: str, purpose: str, length: int) -> str:
    """Derive hexadecimal digits from an identity: the same arguments give the same digits, as below."""
    return hashlib.shake_256(f"{purpose}\n{identity}".encode()).hexdigest((length + 1) // 2)[:length]


def derived_uuid(identity: str, purpose: str) -> str:
    """Derive a UUID of version 4."""
    return str(uuid.UUID(hexadecimal(identity, purpose, 32), version=4))


def digits(identity: str, purpose: str, length: int) -> str:
    """Derive decimal digits; the first is not 0."""
    low = 10 ** (length - 1)
    return str(low + int(hexadecimal(identity, purpose, 2 * length), 16) % (9 * low))


def token(identity: str, purpose: str, length: int) -> str:
    """Derive padded base64 text of `length` bytes."""
    return base64.b64encode(hashlib.shake_256(f"{purpose}\n{identity}".encode()).digest(length)).decode()


def label(identity: str, purpose: str, length: int) -> str:
    """Derive lower-case letters and digits."""
    number = int(hexadecimal(identity, purpose, 2 * length), 16)
    return "".join(_ALPHABET[(number // 36**place) % 36] for place in range(length))


def as_json(value: object) -> str:
    """Serialize a value as compact JSON.

    Raises:
        TypeError, ValueError: the value cannot be serialized as JSON.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def as_text(value: TextContent) -> str:
    """Return text unchanged and serialize anything else as JSON.

    Raises:
        TypeError, ValueError: the value is bytes, or cannot be serialized as JSON.
    """
    if isinstance(value, bytes | bytearray):
        raise TypeError("the service carries text; decode the bytes, or base64-encode them as your producer does")
    return value if isinstance(value, str) else as_json(value)


def as_base64(value: Content) -> str:
    """Encode bytes, text in UTF-8, or anything else as JSON, in base64.

    Raises:
        TypeError, ValueError: the value cannot be serialized as JSON.
    """
    data = bytes(value) if isinstance(value, bytes | bytearray) else as_text(value).encode()
    return base64.b64encode(data).decode()


def per_item(name: str, given: object, count: int) -> list[str]:
    """Return the given ids, or new ones, for `count` items.

    Raises:
        ValueError: `given` is not a list of `count` ids.
    """
    if given is None:
        return [fresh_id() for _ in range(count)]
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise ValueError(f"{name} is one value; give a list with one for each item")
    values = [str(value) for value in given]  # pyright: ignore[reportGeneralTypeIssues]
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} values for {count} items; give one for each")
    return values


def require_items(kind: str, items: tuple[object, ...]) -> None:
    """Refuse an empty batch, because AWS never sends one.

    Raises:
        ValueError: `items` is empty.
    """
    if not items:
        raise ValueError(f"{kind} events have at least one record; give one")


def require_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a value that is not one of the choices.

    Raises:
        ValueError: the message lists the choices.
    """
    if value not in choices:
        raise ValueError(f"unsupported {name} {value!r}; choose one of: {', '.join(choices)}")
