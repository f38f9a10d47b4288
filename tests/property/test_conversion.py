"""Values that the setting ENCODER converts are the same JSON with every encoder."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import importlib.util
import json
import sys
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awslambdaric_lite._codec import LARGE, Marshaller
from awslambdaric_lite._function_errors import Fault
from awslambdaric_lite._json.conversion import resolve, standard

from .results import plain_results

CODECS = ["stdlib"] if importlib.util.find_spec("orjson") is None else ["stdlib", "orjson"]


@dataclasses.dataclass
class Order:
    """A dataclass with a field that has a leading underscore."""

    what: Any
    _hidden: Any = 1


@dataclasses.dataclass
class Special(Order):
    """A subclass of a dataclass."""

    more: Any = None


class Day(datetime.date):
    """A subclass of date."""


class Moment(datetime.datetime):
    """A subclass of datetime."""


class Bag(set[Any]):
    """A subclass of set."""


class Box(dict[str, Any]):
    """A subclass of dict."""


class Pair(NamedTuple):
    """A named tuple, which is an object in JSON."""

    first: Any
    second: Any


class Kind(enum.Enum):
    """An enumeration whose values have no JSON form."""

    DAY = datetime.date(2026, 1, 2)
    BAG = frozenset({1})


class Opaque:
    """A class that nothing converts."""

    def __init__(self, value: object = None) -> None:
        self.value = value


def outcome(codec: str, value: object, convert: Callable[[object], object] | None) -> str:
    """Return the JSON that an encoder makes, with every digit, or its error."""
    marshaller = Marshaller(codec)
    marshaller.convert = convert
    assert marshaller.choose_encoder()
    try:
        body, _ = marshaller.marshal_response(value)
    except Fault as fault:
        return f"{fault.error_type}: {fault.message}"
    return repr(json.loads(body, parse_float=Decimal, object_pairs_hook=list))


def same(value: object, convert: Callable[[object], object] | None = standard) -> str:
    """Return the outcome, which is the same with every encoder."""
    (found,) = {outcome(codec, value, convert) for codec in CODECS}
    return found


dates = (
    st.dates()
    | st.datetimes()
    | st.times()
    | st.datetimes(timezones=st.timezones())
    | st.builds(Day, st.integers(1, 9999), st.just(2), st.integers(1, 28))
)
leaves = (
    plain_results
    | dates
    | st.decimals()
    | st.uuids()
    | st.binary(max_size=4)
    | st.frozensets(st.integers() | st.dates(), max_size=4)
    | st.sampled_from([*Kind, uuid.UUID(int=7), Opaque(), datetime.timedelta(1), Bag({1}), object, 10**400])
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.dates(), inner, max_size=3)
        | st.builds(Order, inner)
        | st.builds(Special, inner, inner, inner)
        | st.builds(Pair, inner, inner)
        | st.builds(lambda value: Box(a=value), inner)
        | st.builds(Opaque, inner)
    )


values = st.recursive(leaves, _nested, max_leaves=12).filter(lambda value: not isinstance(value, bytes))


@given(value=values)
@example(value=[Order(Order(datetime.date(2026, 1, 2)))])
@example(value={datetime.date(2026, 1, 2): 1})
@example(value=[Kind.DAY, Kind.BAG, {"a": Decimal("NaN"), "b": float("inf")}])
@example(value="\ud800")
def test_encoders_agree_on_standard_values(value: object) -> None:
    """Every encoder gives the same value, or the same error, if the setting is `standard`."""
    same(value)


@given(value=values)
def test_encoders_agree_on_values_of_function(value: object) -> None:
    """Every encoder gives the same value, or the same error, if the user's function converts some values."""

    def convert(value: object) -> object:
        if isinstance(value, Opaque):
            return {"opaque": value.value, "at": datetime.date(2026, 1, 2)}
        if isinstance(value, datetime.date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return str(value)
        if isinstance(value, frozenset):
            raise KeyError("sets are not converted")
        raise TypeError("unknown")

    same(value, convert)


EXPECTED = [
    (datetime.date(2026, 1, 2), '"2026-01-02"'),
    (datetime.datetime(2026, 1, 2, 3, 4, 5, 600), '"2026-01-02T03:04:05.000600"'),
    (datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), '"2026-01-02T00:00:00+00:00"'),
    (datetime.time(3, 4), '"03:04:00"'),
    (Moment(2026, 1, 2), '"2026-01-02T00:00:00"'),
    (Decimal("1.50"), "1.50"),
    ({3}, "[3]"),
    (frozenset(), "[]"),
    (Bag("a"), '["a"]'),
    (Order([{1}]), '{"what":[[1]],"_hidden":1}'),
    (Special(None), '{"what":null,"_hidden":1,"more":null}'),
    ({"a": [Pair(Order(1), {2})]}, '{"a":[{"first":{"what":1,"_hidden":1},"second":[2]}]}'),
    ([Kind.DAY, Kind.BAG], '["2026-01-02",[1]]'),
    ({True: {1}}, '{"true":[1]}'),
]


@pytest.mark.parametrize(("value", "expected"), EXPECTED, ids=[type(value).__name__ for value, _ in EXPECTED])
@pytest.mark.parametrize("codec", CODECS)
def test_standard_values_have_their_usual_form(codec: str, value: object, expected: str) -> None:
    """`standard` writes dates as ISO 8601, dataclasses as objects and sets as arrays; without it, they are refused."""
    marshaller = Marshaller(codec)
    assert marshaller.choose_encoder()
    if not isinstance(value, Decimal):
        with pytest.raises(Fault, match="is not JSON serializable"):
            marshaller.marshal_response(value)
    marshaller.convert = standard
    assert marshaller.marshal_response(value) == (expected.encode(), "application/json")


NUMPY = [
    ("np.int64(7)", "7"),
    ("np.uint8(7)", "7"),
    ("np.bool_(True)", "true"),
    ("np.float32(0.5)", "0.5"),
    ("np.float64(0.1)", "0.1"),
    ("np.float64('nan')", "null"),
    ("np.longdouble(0.5)", "0.5"),
    ("np.str_('é')", '"é"'),
    ("np.array(3)", "3"),
    ("np.array([[1, 2], [3, 4]])", "[[1,2],[3,4]]"),
    ("np.array([1.5, float('nan')], dtype='float32')", "[1.5,null]"),
    ("np.array([1, 'a', {2}, None], dtype=object)", '[1,"a",[2],null]'),
    ("np.array(['2026-01-02', 'NaT'], dtype='datetime64[D]')", '["2026-01-02",null]'),
    ("np.datetime64('2026-01-02T03:04:05.123456789')", '"2026-01-02T03:04:05.123456789"'),
    ("np.arange(3)[::-1]", "[2,1,0]"),
    ("np.ma.array([1, 2], mask=[True, False])", "[null,2]"),
    ("{'a': [np.int8(1)]}", '{"a":[1]}'),
    ("np.timedelta64(5, 'ns')", None),
    ("np.array([5], dtype='timedelta64[ns]')", None),
    ("np.clongdouble(1)", None),
    ("np.complex128(1)", None),
]


@pytest.mark.parametrize(("code", "expected"), NUMPY, ids=[code for code, _ in NUMPY])
def test_numpy_values_are_numbers_and_arrays(code: str, expected: str | None) -> None:
    """`standard` writes numpy's scalars and arrays, and refuses those without a JSON form."""
    np = pytest.importorskip("numpy", reason="numpy is not installed: pip install numpy")
    found = same(eval(code, {"np": np}))
    if expected is None:
        assert found.startswith("Runtime.MarshalError: Unable to marshal response: Object of type ")
    else:
        assert found == repr(json.loads(expected, parse_float=Decimal, object_pairs_hook=list))


def test_pydantic_models_are_dumped() -> None:
    """`standard` writes what `model_dump(mode="json")` returns, or `dict()` of pydantic 1."""
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed: pip install pydantic")

    class Item(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        at: datetime.date
        sub: Any = None

    value = Item(at="2026-01-02", sub={uuid.UUID(int=7)})
    text = f"[('at', '2026-01-02'), ('sub', ['{uuid.UUID(int=7)}'])]"
    assert same([value]) == f"[{text}]"
    assert same(Order(value)) == f"[('what', {text}), ('_hidden', 1)]"
    if (v1 := getattr(pydantic, "v1", None)) and sys.version_info < (3, 14):
        old: Any = type("Old", (v1.BaseModel,), {"__annotations__": {"at": datetime.date}})
        assert same(old(at="2026-01-02")) == "[('at', '2026-01-02')]"


@pytest.mark.parametrize(
    "value",
    [datetime.timedelta(1), object(), Opaque(), iter([]), datetime.date],
    ids=lambda value: type(value).__name__,
)
def test_other_values_stay_refused(value: object) -> None:
    """`standard` refuses other values with the official message."""
    name = type(value).__name__
    text = f"Runtime.MarshalError: Unable to marshal response: Object of type {name} is not JSON serializable"
    assert same({"a": [value]}) == text


def test_circles_and_endless_conversions_are_refused() -> None:
    """A dataclass that contains itself, and a function that never ends to convert, are refused."""
    order = Order([])
    order.what.append(order)
    circle = "Runtime.MarshalError: Unable to marshal response: Circular reference detected"
    assert same(order) == circle
    opaque = Opaque()
    assert same([opaque], lambda value: value) == circle
    assert same([opaque], lambda value: [value]) == circle
    assert "maximum recursion depth exceeded" in same([opaque], lambda value: Opaque(value))
    assert same([Order({1}), Order({1})]).count("what") == 2


def test_deep_and_large_values_are_the_same() -> None:
    """Values deeper than orjson converts, and large ones, are the same with every encoder."""
    deep: object = {1}
    for _ in range(300):
        deep = Order(deep)
    assert same(deep).count("what") == 300
    assert len(same([datetime.date(2026, 1, 2)] * (2 * LARGE // 12))) > 2 * LARGE
    assert same(["x" * LARGE, {"é" * 9}, {10**40}]).endswith(f"[{10**40}]]")


def test_function_gets_decimals_but_no_streams() -> None:
    """The user's function converts decimals, or leaves them numbers by a TypeError; it gets no streams."""
    seen: list[object] = []

    def convert(value: object) -> object:
        seen.append(value)
        if value == Decimal(2):
            raise TypeError("unknown")
        return str(value)

    module: Any = type(sys)("converting")
    module.convert, module.number = convert, 1
    sys.modules["converting"] = module
    try:
        found = resolve("converting.convert")
        for setting, text in (("converting.number", "is not callable: number"), ("converting.x", "has no function x")):
            with pytest.raises(Fault, match=f"^AWSLAMBDARIC_LITE_ENCODER='{setting}': module converting {text}$"):
                resolve(setting)
    finally:
        del sys.modules["converting"]
    assert same([Decimal("1.5"), Decimal(2), {3}], found) == "['1.5', 2, '{3}']"
    assert same([iter([1])], found).endswith("Object of type list_iterator is not JSON serializable")
    assert not any(hasattr(value, "__next__") for value in seen)
