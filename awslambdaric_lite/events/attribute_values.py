"""DynamoDB's attribute values: conversion of plain Python values, and sizes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, DecimalException, Inexact, Overflow, Rounded, Subnormal, Underflow
from typing import Any

from .shared import as_base64

# Numbers have up to 38 significant digits and exponents from -130 to 125. Any other number is refused, not rounded.
_NUMBERS = Context(prec=38, Emin=-130, Emax=125, traps=[Clamped, Inexact, Overflow, Rounded, Subnormal, Underflow])


def marshal(value: object) -> dict[str, Any]:
    """Return the attribute value of a Python value as JSON has it: binary values are base64 text.

    None is NULL; bool BOOL; int, float and Decimal N; str S; bytes B; mappings M; lists and tuples L; sets of text,
    numbers or bytes SS, NS or BS.

    Raises:
        TypeError: DynamoDB has no type for a value, a set has members of several types, or a key is not text.
        ValueError: DynamoDB cannot hold a number, or a set is empty.

    Source: docs amazondynamodb/latest/APIReference/API_AttributeValue.html
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float | Decimal):
        return {"N": _number(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes | bytearray):
        return {"B": as_base64(value)}
    if isinstance(value, Mapping):
        return {"M": marshal_item(value)}
    if isinstance(value, list | tuple):
        return {"L": [marshal(member) for member in value]}
    if isinstance(value, set | frozenset):
        return _set(value)
    raise TypeError(f"DynamoDB has no type for {type(value).__name__}; use text, numbers, bytes, lists, dicts or sets")


def marshal_item(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the attribute values of an item.

    Raises:
        TypeError, ValueError: as `marshal`, or an attribute name is not text.
    """
    for name in item:
        if not isinstance(name, str):
            raise TypeError(f"attribute names are text, not {type(name).__name__}; write {str(name)!r}")
    return {name: marshal(value) for name, value in item.items()}


def size_of(item: Mapping[str, dict[str, Any]]) -> int:
    """Return the size of an item's attribute values in bytes, as DynamoDB counts it.

    Source: docs amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _set(members: set[Any] | frozenset[Any]) -> dict[str, Any]:
    typed = [marshal(member) for member in members]
    kinds = {kind for value in typed for kind in value}
    if not kinds:
        raise ValueError("DynamoDB has no empty sets; leave the attribute out")
    if len(kinds) > 1 or not kinds <= {"S", "N", "B"}:
        raise TypeError("a DynamoDB set has only text, only numbers or only bytes; use a list for other values")
    (kind,) = kinds
    return {f"{kind}S": sorted(value[kind] for value in typed)}


def _number(value: int | float | Decimal) -> str:
    exact = Decimal(str(value))
    if not exact.is_finite():
        raise ValueError(f"DynamoDB has no number {value}; leave it out or use text")
    try:
        return str(_NUMBERS.create_decimal(exact))
    except DecimalException:
        raise ValueError(f"number {value} has more than 38 digits or too large an exponent; use text") from None


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind in ("NULL", "BOOL"):
        return 1
    if kind == "N":
        return min(21, (len(Decimal(content).normalize().as_tuple().digits) + 1) // 2 + 1)
    if kind == "S":
        return len(str(content).encode())
    if kind == "B":
        return len(base64.b64decode(content))
    if kind == "M":
        return 3 + len(content) + size_of(content)
    if kind == "L":
        return 3 + len(content) + sum(map(_size, content))
    return sum(_size({kind[0]: member}) for member in content)
