"""Times, ids and contents."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite.events import shared
from awslambdaric_lite.events.shared import Moment

from .examples import TIME, TIME_MS
from .quiet import quiet


def test_moment_has_every_format() -> None:
    """A moment has the format of each service, in UTC whatever the zone of the datetime."""
    moment = Moment(TIME.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert (moment.epoch_ms, moment.epoch_s) == (TIME_MS, TIME_MS / 1000)
    assert moment.iso == "2020-03-12T19:03:58Z"
    assert moment.iso_ms == "2020-03-12T19:03:58.390Z"
    assert moment.log_time == "12/Mar/2020:19:03:58 +0000"
    assert moment.mail_date == "Thu, 12 Mar 2020 19:03:58 +0000"
    assert moment.day == "2020/03/12"


def test_number_means_seconds_since_epoch() -> None:
    """A number means the same moment as the datetime."""
    assert Moment(TIME_MS / 1000).iso_ms == Moment(TIME).iso_ms
    assert Moment(0).iso == "1970-01-01T00:00:00Z"


def test_default_time_is_now() -> None:
    """Without a time, the moment is the current time."""
    before = datetime.now(timezone.utc).timestamp()
    assert before - 0.001 <= Moment(None).epoch_s <= datetime.now(timezone.utc).timestamp()


def test_datetime_without_zone_is_refused() -> None:
    """A datetime without a time zone is refused, because its moment is ambiguous."""
    with pytest.raises(ValueError, match=r"no time zone; add tzinfo=timezone\.utc"):
        Moment(datetime(2020, 3, 12))


@pytest.mark.parametrize("number", [TIME_MS * 1.0, float("nan"), float("inf"), -1e15])
def test_number_out_of_range_is_refused(number: float) -> None:
    """A number that is not a time is refused, e.g. milliseconds since the epoch."""
    with pytest.raises(ValueError, match="out of range; give seconds since the epoch"):
        Moment(number)


@quiet
@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)))
def test_day_and_month_names_are_english(time: datetime) -> None:
    """Days and months have the names that the standard library writes in the C locale."""
    assert Moment(time).mail_date == format_datetime(time)
    assert Moment(time).log_time == time.strftime("%d/%b/%Y:%H:%M:%S +0000")


@quiet
@given(st.text(), st.integers(1, 60))
def test_derived_ids_are_reproducible(identity: str, length: int) -> None:
    """Derived ids have the wanted length and alphabet; the same identity and purpose give the same id."""
    hexadecimal = shared.hexadecimal(identity, "a", length)
    assert len(hexadecimal) == length and int(hexadecimal, 16) >= 0
    digits = shared.digits(identity, "a", length)
    assert len(digits) == length and digits.isdecimal() and digits[0] != "0"
    label = shared.label(identity, "a", length)
    assert len(label) == length and label.isalnum() and label == label.lower() and label.isascii()
    assert len(base64.b64decode(shared.token(identity, "a", length), validate=True)) == length
    assert uuid.UUID(shared.derived_uuid(identity, "a")).version == 4
    assert shared.hexadecimal(identity, "a", 32) == shared.hexadecimal(identity, "a", 32)
    assert shared.hexadecimal(identity, "a", 32) != shared.hexadecimal(identity, "b", 32)


def test_text_content_refuses_bytes() -> None:
    """Text stays unchanged, objects become compact JSON with non-ASCII text, and bytes are refused."""
    assert shared.as_text('{"a": 1}') == '{"a": 1}'
    assert shared.as_text({"a": [1, None, "é"]}) == '{"a":[1,null,"é"]}'
    with pytest.raises(TypeError, match="decode the bytes, or base64-encode them"):
        shared.as_text(b"x")
    with pytest.raises(ValueError, match="JSON"):
        shared.as_text(float("nan"))


def test_content_becomes_base64() -> None:
    """Bytes, text in UTF-8 and objects as JSON are encoded in base64."""
    for value, data in ((b"\x00\xff", b"\x00\xff"), (bytearray(b"a"), b"a"), ("é", b"\xc3\xa9"), ([1], b"[1]")):
        assert base64.b64decode(shared.as_base64(value), validate=True) == data


@pytest.mark.parametrize(
    ("given", "message"),
    [(["a"], "ids has 1 values for 2 items"), ("ab", "ids is one value; give a list"), (7, "ids is one value")],
)
def test_ids_must_match_the_items(given: object, message: str) -> None:
    """Ids are refused unless they are a list with one for each item."""
    with pytest.raises(ValueError, match=message):
        shared.per_item("ids", given, 2)
