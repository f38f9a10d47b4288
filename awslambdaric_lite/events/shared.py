"""What every event has: an account, a region, a time, ids, and contents as text or bytes.

One id of an event is fresh or given; everything else that looks random is derived from it, so that an event with a
given id and time is the same every time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

Event = dict[str, Any]
When = datetime | float | None

ACCOUNT = "123456789012"
REGION = "us-east-1"
SOURCE_IP = "203.0.113.17"  # an address for documentation (RFC 5737)

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Moment:
    """A point in time, in the spellings that AWS services use.

    Args:
        time: an aware datetime or seconds since the epoch; None is now.

    Raises:
        ValueError: the datetime has no time zone, or the number is no time.
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
        self._utc = time.astimezone(timezone.utc)
        self.epoch_ms = (self._utc - _EPOCH) // timedelta(milliseconds=1)
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
        """`12/Mar/2020:19:03:58 +0000`, as in web servers' logs; months are English in every locale."""
        utc = self._utc
        return f"{utc:%d}/{_MONTHS[utc.month - 1]}/{utc:%Y:%H:%M:%S} +0000"

    @property
    def mail_date(self) -> str:
        """`Thu, 12 Mar 2020 19:03:58 +0000`"""
        utc = self._utc
        return f"{_DAYS[utc.weekday()]}, {utc:%d} {_MONTHS[utc.month - 1]} {utc:%Y %H:%M:%S} +0000"

    @property
    def day(self) -> str:
        """`2020/03/12`, as in the names of log streams."""
        return self._utc.strftime("%Y/%m/%d")


def fresh_id() -> str:
    """A new UUID as text."""
    return str(uuid.uuid4())


def derived_uuid(identity: str, purpose: str) -> str:
    """A UUID that is always the same for the same identity."""
    return str(uuid.UUID(hexadecimal(identity, purpose, 32), version=4))


def hexadecimal(identity: str, purpose: str, length: int) -> str:
    """Hexadecimal digits that are always the same for the same identity."""
    return hashlib.shake_256(f"{purpose}\n{identity}".encode()).hexdigest((length + 1) // 2)[:length]


def digits(identity: str, purpose: str, length: int) -> str:
    """Decimal digits, the first not 0, that are always the same for the same identity."""
    low = 10 ** (length - 1)
    return str(low + int(hexadecimal(identity, purpose, 2 * length), 16) % (9 * low))


def token(identity: str, purpose: str, length: int) -> str:
    """Base64 text, padded as usual, that is always the same for the same identity; `length` is that of the bytes."""
    return base64.b64encode(hashlib.shake_256(f"{purpose}\n{identity}".encode()).digest(length)).decode()


def label(identity: str, purpose: str, length: int) -> str:
    """Lower-case letters and digits that are always the same for the same identity."""
    number = int(hexadecimal(identity, purpose, 2 * length), 16)
    return "".join(_ALPHABET[(number // 36**place) % 36] for place in range(length))


def as_json(value: object) -> str:
    """Compact JSON.

    Raises:
        TypeError, ValueError: the value has no JSON form.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def as_text(value: object) -> str:
    """Text as it is, anything else as JSON.

    Raises:
        TypeError, ValueError: the value has no JSON form; bytes have none.
    """
    if isinstance(value, bytes | bytearray):
        raise TypeError("the service carries text; decode the bytes, or base64-encode them as your producer does")
    return value if isinstance(value, str) else as_json(value)


def as_base64(value: object) -> str:
    """Base64 of bytes, of text in UTF-8, or of anything else as JSON.

    Raises:
        TypeError, ValueError: the value has no JSON form.
    """
    data = bytes(value) if isinstance(value, bytes | bytearray) else as_text(value).encode()
    return base64.b64encode(data).decode()


def per_item(name: str, given: object, count: int) -> list[str]:
    """The ids given for `count` items, or as many fresh ones.

    Raises:
        ValueError: there are more or fewer of them.
    """
    if given is None:
        return [fresh_id() for _ in range(count)]
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise ValueError(f"{name} is one value; give a list with one for each item")
    values = [str(value) for value in given]
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} values for {count} items; give one for each")
    return values


def require_items(kind: str, items: tuple[object, ...]) -> None:
    """Refuse an empty batch: AWS never sends one.

    Raises:
        ValueError: there are no items.
    """
    if not items:
        raise ValueError(f"{kind} events have at least one record; give one")
