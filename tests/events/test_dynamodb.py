"""Changes in a DynamoDB stream, and their attribute values."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite import events
from awslambdaric_lite.events.attribute_values import marshal, marshal_item, size_of

from .examples import TIME, Event
from .quiet import quiet

numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=15),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(), st.binary())
sets = st.one_of(
    st.frozensets(numbers, min_size=1, max_size=4),
    st.frozensets(st.text(), min_size=1, max_size=4),
    st.frozensets(st.binary(), min_size=1, max_size=4),
)
values = st.recursive(
    scalars | sets,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def decoded(typed: dict[str, Any]) -> dict[str, Any]:
    """Decode the base64 of binary values, as the SDK does before it deserializes."""
    ((kind, content),) = typed.items()
    if kind == "B":
        return {kind: base64.b64decode(content, validate=True)}
    if kind == "BS":
        return {kind: [base64.b64decode(member, validate=True) for member in content]}
    if kind == "L":
        return {kind: [decoded(member) for member in content]}
    if kind == "M":
        return {kind: {name: decoded(member) for name, member in content.items()}}
    return typed


@quiet
@given(values)
def test_sdk_reads_attribute_values_back(value: object) -> None:
    """boto3 deserializes an attribute value to a value that is equal to the original."""
    assert TypeDeserializer().deserialize(decoded(marshal(value))) == value


@quiet
@given(values)
def test_sdk_writes_equal_attribute_values(value: object) -> None:
    """boto3 serializes a value to the same attribute value, except for the order in sets."""
    assert _sorted(decoded(marshal(value))) == _sorted(TypeSerializer().serialize(value))


def _sorted(typed: Any) -> Any:
    if isinstance(typed, dict):
        return {
            kind: sorted(content) if kind in ("SS", "NS", "BS") and isinstance(content, list) else _sorted(content)
            for kind, content in typed.items()
        }
    return [_sorted(member) for member in typed] if isinstance(typed, list) else typed


@quiet
@given(st.floats(min_value=-1e100, max_value=1e100).filter(lambda number: number == 0 or abs(number) > 1e-100))
def test_floats_keep_their_shortest_digits(number: float) -> None:
    """A float keeps its value as a number of DynamoDB, although boto3 refuses floats."""
    assert float(marshal(number)["N"]) == number


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (set(), ValueError, "no empty sets"),
        ({"a", 1}, TypeError, "only text, only numbers or only bytes"),
        ({None}, TypeError, "only text"),
        ({True, False}, TypeError, "only text"),
        (object(), TypeError, "no type for object"),
        ({1: "a"}, TypeError, "attribute names are text, not int; write '1'"),
        (float("nan"), ValueError, "no number nan"),
        (Decimal("Infinity"), ValueError, "no number Infinity"),
        (10**38 + 1, ValueError, "more than 38 digits"),
        (Decimal("1E126"), ValueError, "too large an exponent"),
        (Decimal("1E-131"), ValueError, "too large an exponent"),
    ],
)
def test_unsupported_values_are_refused(value: object, error: type[Exception], message: str) -> None:
    """A value that DynamoDB cannot hold is refused, not rounded or guessed."""
    with pytest.raises(error, match=message):
        marshal([value])


def test_item_size_follows_documented_rules() -> None:
    """Names and text count in UTF-8, numbers one byte for two digits and one more, containers three bytes more."""
    item = {
        "é": "é",
        "n": 12345,
        "z": 100,
        "b": b"\x00\x01\x02",
        "t": True,
        "l": ["ab"],
        "m": {"k": None},
        "s": {"a", "bc"},
    }
    assert (
        size_of(marshal_item(item)) == (2 + 2) + (1 + 4) + (1 + 2) + (1 + 3) + 2 + (1 + 3 + 1 + 2) + (1 + 3 + 1 + 2) + 4
    )


def records(**arguments: Any) -> list[Event]:
    """Build one change of each kind."""
    changes = (
        ("INSERT", {"id": 1}, {"name": "Ada"}),
        ("MODIFY", {"id": 1}, {"name": "Ada L."}, {"name": "Ada"}),
        ("REMOVE", {"id": 1}, {"name": "Ada L."}),
    )
    return list(events.dynamodb(*changes, time=TIME, **arguments)["Records"])


def test_images_contain_keys_and_attributes() -> None:
    """Each kind of change has its images, and every image contains the keys."""
    insert, modify, remove = (record["dynamodb"] for record in records())
    new, old = ({"id": {"N": "1"}, "name": {"S": name}} for name in ("Ada L.", "Ada"))
    assert (insert["NewImage"], insert.get("OldImage")) == (old, None)
    assert (modify["NewImage"], modify["OldImage"]) == (new, old)
    assert (remove.get("NewImage"), remove["OldImage"]) == (None, new)
    assert all(record["Keys"] == {"id": {"N": "1"}} for record in (insert, modify, remove))
    assert insert["ApproximateCreationDateTime"] == 1584039838.0
    assert insert["SizeBytes"] == 2 * (2 + 2) + 4 + 3


@pytest.mark.parametrize(
    ("view_type", "images"),
    [
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("KEYS_ONLY", set()),
    ],
)
def test_view_type_selects_images(view_type: str, images: set[str]) -> None:
    """A stream has only the images of its view type."""
    modify = records(view_type=view_type)[1]["dynamodb"]
    assert modify.keys() & {"NewImage", "OldImage"} == images
    assert modify["StreamViewType"] == view_type


def test_event_ids_and_sequence_numbers() -> None:
    """Event ids are the given ones or 32 new hexadecimal digits, and sequence numbers rise."""
    assert [record["eventID"] for record in records(event_ids=["a", "b", "c"])] == ["a", "b", "c"]
    fresh = [record["eventID"] for record in records()]
    assert len(set(fresh)) == 3 and all(len(each) == 32 and int(each, 16) for each in fresh)
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records()]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


def test_arn_names_account_region_and_table() -> None:
    """The ARN of the stream contains the region, the account and the table."""
    (record,) = events.dynamodb(("REMOVE", {"id": 1}), table="users", region="eu-west-1", account="1" * 12)["Records"]
    assert record["eventSourceARN"].startswith(f"arn:aws:dynamodb:eu-west-1:{'1' * 12}:table/users/stream/")
    assert record["awsRegion"] == "eu-west-1"
