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


def test_spellings_of_a_time() -> None:
    """Each service's form of one moment, in UTC wherever the datetime is."""
    moment = Moment(TIME.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert (moment.epoch_ms, moment.epoch_s) == (TIME_MS, TIME_MS / 1000)
    assert moment.iso == "2020-03-12T19:03:58Z"
    assert moment.iso_ms == "2020-03-12T19:03:58.390Z"
    assert moment.log_time == "12/Mar/2020:19:03:58 +0000"
    assert moment.mail_date == "Thu, 12 Mar 2020 19:03:58 +0000"
    assert moment.day == "2020/03/12"


def test_seconds_since_the_epoch() -> None:
    """A number is a time as well."""
    assert Moment(TIME_MS / 1000).iso_ms == Moment(TIME).iso_ms
    assert Moment(0).iso == "1970-01-01T00:00:00Z"


def test_now_is_the_default() -> None:
    """No time is this time."""
    before = datetime.now(timezone.utc).timestamp()
    assert before - 0.001 <= Moment(None).epoch_s <= datetime.now(timezone.utc).timestamp()


def test_a_time_without_a_zone_is_refused() -> None:
    """It could mean two different moments."""
    with pytest.raises(ValueError, match=r"no time zone; add tzinfo=timezone\.utc"):
        Moment(datetime(2020, 3, 12))


@pytest.mark.parametrize("number", [TIME_MS * 1.0, float("nan"), float("inf"), -1e15])
def test_numbers_that_are_no_time(number: float) -> None:
    """Milliseconds are the usual mistake."""
    with pytest.raises(ValueError, match="out of range; give seconds since the epoch"):
        Moment(number)


@quiet
@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)))
def test_names_of_days_and_months(time: datetime) -> None:
    """The standard library writes them in the same way, in the C locale."""
    assert Moment(time).mail_date == format_datetime(time)
    assert Moment(time).log_time == time.strftime("%d/%b/%Y:%H:%M:%S +0000")


@quiet
@given(st.text(), st.integers(1, 60))
def test_derived_ids(identity: str, length: int) -> None:
    """Of the wanted length and alphabet, always the same, and different for another purpose."""
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


def test_contents_of_text_services() -> None:
    """Text as it is, objects as compact JSON that keeps non-ASCII text; bytes are refused with the cure."""
    assert shared.as_text('{"a": 1}') == '{"a": 1}'
    assert shared.as_text({"a": [1, None, "é"]}) == '{"a":[1,null,"é"]}'
    with pytest.raises(TypeError, match="decode the bytes, or base64-encode them"):
        shared.as_text(b"x")
    with pytest.raises(ValueError, match="JSON"):
        shared.as_text(float("nan"))


def test_contents_of_byte_services() -> None:
    """Bytes as they are, text in UTF-8, objects as JSON."""
    for value, data in ((b"\x00\xff", b"\x00\xff"), (bytearray(b"a"), b"a"), ("é", b"\xc3\xa9"), ([1], b"[1]")):
        assert base64.b64decode(shared.as_base64(value), validate=True) == data


@pytest.mark.parametrize(
    ("given", "message"),
    [(["a"], "ids has 1 values for 2 items"), ("ab", "ids is one value; give a list"), (7, "ids is one value")],
)
def test_ids_that_do_not_fit(given: object, message: str) -> None:
    """There is one for each item; text is no list of letters."""
    with pytest.raises(ValueError, match=message):
        shared.per_item("ids", given, 2)
