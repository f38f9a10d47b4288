"""Handlers that return one of many values."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import uuid
from collections import Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

Point = namedtuple("Point", "x y")


class Typed(NamedTuple):
    name: str
    inner: Point


class Text(str):
    pass


class Number(int):
    def __str__(self) -> str:
        return "not the digits"

    __repr__ = __str__


class Real(float):
    def __repr__(self) -> str:
        return "not the digits"


class Level(enum.IntEnum):
    HIGH = 3


class Colour(str, enum.Enum):
    RED = "red"


class Plain(enum.Enum):
    ONE = 1


class Mapping(dict[str, object]):
    pass


class Row(list[object]):
    pass


@dataclasses.dataclass
class Record:
    name: str = "x"


class AsDictProperty:
    _asdict = "not callable"


class Model:
    def _asdict(self) -> dict[str, object]:
        return {"field": [1, Point(1, 2)]}


class BadModel:
    def _asdict(self) -> list[int]:
        return [1]


class ForJson:
    def for_json(self) -> str:
        return "not asked for"


def circle() -> object:
    """Return a list that contains itself."""
    items: list[object] = []
    items.append(items)
    return items


def circle_of_dicts() -> object:
    """Return an object that contains itself, two levels down."""
    value: dict[str, object] = {}
    value["a"] = [{"b": value}]
    return value


def nested(depth: int) -> object:
    """Return lists in lists."""
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def shared() -> object:
    """Return one object in several places."""
    part = {"a": [1]}
    return [part, part, {"x": part}]


VALUES: dict[str, Callable[[], Any]] = {
    "null": lambda: None,
    "true": lambda: True,
    "false": lambda: False,
    "zero": lambda: 0,
    "int": lambda: -42,
    "big int": lambda: 2**64 + 1,
    "huge int": lambda: -(10**400),
    "float": lambda: 1.5,
    "float whole": lambda: 100.0,
    "float small": lambda: 1e-7,
    "float large": lambda: 1e16,
    "float larger": lambda: 1.7976931348623157e308,
    "float negative zero": lambda: -0.0,
    "float digits": lambda: 0.1 + 0.2,
    "empty string": lambda: "",
    "string": lambda: 'quote " backslash \\ slash / tab \t newline \n nul \0 escape \x1b delete \x7f',
    "non-ASCII": lambda: "é € 😀 \u2028\u2029 \x85 \xa0",
    "list": lambda: [1, "a", None, True, [2.5], {}],
    "tuple": lambda: (1, (2, ()), []),
    "empty": lambda: {"a": [], "b": {}, "c": (), "": ""},
    "dict": lambda: {"z": 1, "a": {"é": [1, 2]}, "😀": None},
    "proxy response": lambda: {
        "statusCode": 200,
        "headers": {"a": "b"},
        "body": '{"x": "é"}',
        "isBase64Encoded": False,
    },
    "bytes": lambda: b"\x00\xffraw",
    "empty bytes": lambda: b"",
    "nested bytes": lambda: {"a": b"text", "b": [b"\xc3\xa9"], b"key": 1},
    "nested bytes not UTF-8": lambda: [b"\xff"],
    "bytes key not UTF-8": lambda: {b"\xff": 1},
    "bytearray": lambda: bytearray(b"text"),
    "nested bytearray": lambda: [bytearray(b"text")],
    "memoryview": lambda: [memoryview(b"text")],
    "decimal": lambda: {
        "price": Decimal("1.10"),
        "n": Decimal(3),
        "e": Decimal("1E+3"),
        "long": Decimal("0.1" * 1 + "0" * 30),
    },
    "decimal top": lambda: Decimal("12345678901234567890.123456789"),
    "decimal small": lambda: Decimal("1E-10"),
    "decimal negative zero": lambda: Decimal("-0.00"),
    "fraction": lambda: Fraction(1, 3),
    "complex": lambda: 1j,
    "namedtuple": lambda: Point(1, [Point(2, 3)]),
    "typed namedtuple": lambda: {"a": Typed("n", Point(1, 2))},
    "asdict": lambda: Model(),
    "asdict not a dict": lambda: BadModel(),
    "asdict not callable": lambda: AsDictProperty(),
    "asdict class": lambda: Model,
    "namedtuple class": lambda: Point,
    "for_json": lambda: ForJson(),
    "keys": lambda: {0: "int", 2.5: "float", None: "null", True: "bool", 10**30: "big", Text("t"): "sub"},
    "keys that collide": lambda: {2: "a", "2": "b", True: "c", "true": "d"},
    "key float inf": lambda: {float("inf"): 1, float("-inf"): 2, float("nan"): 3},
    "key int subclass": lambda: {Number(7): 1, Level.HIGH: 2},
    "key float subclass": lambda: {Real(1.5): 1},
    "key str enum": lambda: {Colour.RED: 1},
    "key tuple": lambda: {(1, 2): 3},
    "key tuple deep": lambda: {"a": [{"b": {(1,): 2}}]},
    "key decimal": lambda: {Decimal("1.5"): 1},
    "key datetime": lambda: {datetime.date(2020, 1, 2): 1},
    "str subclass": lambda: Text("text"),
    "int subclass": lambda: [Number(7), {"a": Number(8)}],
    "float subclass": lambda: [Real(1.5)],
    "int enum": lambda: [Level.HIGH, {"level": Level.HIGH}],
    "str enum": lambda: [Colour.RED, {"colour": Colour.RED}],
    "dict subclass": lambda: Mapping(a=Mapping(b=1)),
    "list subclass": lambda: Row([Row([1])]),
    "OrderedDict": lambda: OrderedDict([("b", 1), ("a", 2)]),
    "defaultdict": lambda: defaultdict(list, {"a": [1]}),
    "Counter": lambda: Counter("aab"),
    "UserDict": lambda: UserDict({"a": 1}),
    "deque": lambda: deque([1]),
    "set": lambda: {1},
    "nested set": lambda: {"a": [{1}]},
    "frozenset": lambda: frozenset(),
    "datetime": lambda: datetime.datetime(2020, 1, 2),
    "nested datetime": lambda: {"at": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)},
    "date": lambda: [datetime.date(2020, 1, 2)],
    "time": lambda: [datetime.time(1, 2)],
    "dataclass": lambda: Record(),
    "nested dataclass": lambda: [Record()],
    "object": lambda: object(),
    "type": lambda: int,
    "function": lambda: circle,
    "exception": lambda: ValueError("x"),
    "ellipsis": lambda: ...,
    "range": lambda: range(3),
    "dict views": lambda: [{"a": 1}.keys()],
    "map": lambda: [iter([1])],
    "circle": circle,
    "circle of dicts": circle_of_dicts,
    "shared": shared,
    "nested 500": lambda: nested(500),
    "nested too deeply": lambda: nested(100_000),
    "mixed": lambda: {"a": [Decimal("1.50"), Point(1, {"b": b"x"}), Number(1)], "n": None, 3: [1.0, "é"]},
    "key order": lambda: {"b": 1, "a": 2, "c": {"z": 1, "y": 2}},
    "module": lambda: enum,
    "uuid key": lambda: {uuid.UUID(int=1): 1},
    "plain enum key": lambda: {Plain.ONE: 1},
}


def handler(event: str, context: object) -> object:
    """Return the value that the event names."""
    return VALUES[event]()


def large(event: int, context: object) -> object:
    """Return about as many bytes as the event says."""
    return {"text": "é" * (event // 2), "n": event}
