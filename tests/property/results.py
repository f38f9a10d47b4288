"""Strategies for results of handlers, with unusual types."""

from __future__ import annotations

import collections
import enum
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st


class Text(str):
    """A string whose `str()` is another text."""

    def __str__(self) -> str:
        return "not the text"


class Whole(int):
    """An integer whose `repr` is not its digits."""

    def __repr__(self) -> str:
        return "not the number"

    __str__ = __repr__


class Real(float):
    """A float whose `repr` is not its digits."""

    def __repr__(self) -> str:
        return "not the number"


class Mapping(dict[Any, Any]):
    """A subclass of dict."""


class Sequence(list[Any]):
    """A subclass of list."""


class Tuple(tuple[Any, ...]):
    """A subclass of tuple."""


class Octets(bytes):
    """A subclass of bytes."""


class Point(NamedTuple):
    """A named tuple, which is an object in JSON."""

    x: Any
    y: Any


class Row:
    """A row as database drivers return it: not a dictionary, but with an `_asdict` method."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def _asdict(self) -> dict[str, Any]:
        return self._fields


class Level(enum.IntEnum):
    """An enumeration whose members are integers."""

    LOW = 1
    HIGH = 2**70


class Colour(str, enum.Enum):
    """An enumeration whose members are strings."""

    RED = "red"
    GREEN = "grün"


class Ratio(float, enum.Enum):
    """An enumeration whose members are floats."""

    HALF = 0.5


class Plain(enum.Enum):
    """An enumeration without a base type."""

    ONE = 1
    TEXT = "text"
    NOTHING = None
    LIST = (1, "a")


text = st.text(st.characters(), max_size=6)  # lone surrogates included
decimals = st.decimals(places=3, allow_nan=False, allow_infinity=False) | st.sampled_from(
    [
        Decimal("NaN"),
        Decimal("-Infinity"),
        Decimal("1.50"),
        Decimal("1E+40"),
        Decimal("-0"),
        Decimal("0E-9"),
        Decimal("sNaN"),
    ]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1]),
    st.floats(),
    text,
    text.filter(str.isprintable).map(lambda value: value.encode("utf-8", "replace")),
)
odd_scalars = st.one_of(
    decimals,
    text.map(Text),
    st.integers().map(Whole),
    st.floats().map(Real),
    st.binary(max_size=0).map(Octets),
    st.sampled_from([Level.LOW, Level.HIGH, Colour.RED, Colour.GREEN, Ratio.HALF, Octets(b"\xc3\xa9")]),
)
odd_keys = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    text.map(Text),
    st.integers().map(Whole),
    st.floats().map(Real),
    st.sampled_from([b"key", b"\xc3\xa9", Octets(b"k"), Level.LOW, Colour.RED, "1", "true", "null", "NaN"]),
)


def _nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(values, max_size=4)
    objects = st.dictionaries(text, values, max_size=4)
    odd_objects = st.dictionaries(text | odd_keys, values, max_size=4)
    return st.one_of(
        lists,
        lists.map(tuple),
        objects,
        odd_objects,
        lists.map(Sequence),
        lists.map(Tuple),
        objects.map(Mapping),
        objects.map(collections.OrderedDict),
        objects.map(lambda fields: collections.defaultdict(list, fields)),
        objects.map(Row),
        st.builds(Point, values, values),
        values.map(lambda value: [value, value]),  # the same object twice is not a circle
    )


results = st.recursive(scalars | odd_scalars, _nested, max_leaves=15)
"""Results that the official client can encode."""

plain_results = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(text, values, max_size=4),
    max_leaves=20,
)
"""Results of JSON's own types, which the fast encoders encode."""


class Stranger:
    """A class without a JSON form."""


refused = st.one_of(
    st.sampled_from([Stranger, 1j, {1, 2}, frozenset(), object(), b"\xff", Octets(b"a\x80"), range(3), print]),
    st.builds(Stranger),
    st.sampled_from([{(1, 2): 3}, {Decimal("1"): 2}, {Stranger: 1}, {b"\xff": 1}, {frozenset(): 1}]),
)
partly_refused = st.recursive(scalars | odd_scalars | refused, _nested, max_leaves=15)
"""Results that often contain a refused value."""

extensions = st.recursive(
    scalars | st.sampled_from(list(Plain)) | st.uuids(),
    lambda values: (
        st.lists(values, max_size=4) | st.dictionaries(text, values, max_size=4) | st.builds(Point, values, values)
    ),
    max_leaves=15,
)
"""Results with UUIDs and enumeration members, which the official client refuses."""


def spelled_out(value: Any) -> Any:
    """Replace each UUID by its text and each plain enumeration member by its value."""
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Plain):
        return spelled_out(value.value)
    if isinstance(value, dict):
        return {key: spelled_out(item) for key, item in value.items()}
    if isinstance(value, Point):
        return Point(spelled_out(value.x), spelled_out(value.y))
    if isinstance(value, list | tuple):
        return [spelled_out(item) for item in value]
    return value
