"""Operators of filter patterns: each makes a matcher of its operand.

Source: AWS's matcher, `software.amazon.event.ruler:event-ruler`, which is the oracle of the tests.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any, Literal

from ...common.words import quoted
from ..errors import InvalidSource


class Number(str):
    """A number as the JSON text has it."""

    __slots__ = ()


Matches = Callable[[object], bool]
"""Returns whether a value matches: text, a `Number`, True, False or None."""


def error_at(where: str, text: str) -> InvalidSource:
    """Return the error about a part of a pattern."""
    return InvalidSource(f"filter pattern: {quoted(where) if where else 'the pattern'} {text}")


def equals(value: object) -> Matches:
    """Return the matcher of a value in a list."""
    if isinstance(value, Number):
        number = _comparable(value)
        return lambda found: (
            isinstance(found, Number)
            and (str(found) == str(value) or (number is not None and _comparable(found) == number))
        )
    if isinstance(value, str) and (address := _address(value)) is not None:
        return lambda found: isinstance(found, str) and _address(found) == address
    return lambda found: type(found) is type(value) and found == value


def _exactly(operand: object, where: str) -> Matches:
    text = _text(operand, where)
    return lambda found: type(found) is str and found == text


def _begins(operand: object, where: str, *, end: Literal["prefix", "suffix"] = "prefix") -> Matches:
    if isinstance(operand, dict):
        name, inner = only_item(operand, where)
        if name != "equals-ignore-case":
            raise error_at(where, f"takes no {quoted(name)}; choose equals-ignore-case")
        any_case, either = _any_case(_text(inner, where)), ".*"
        return _search(any_case + either if end == "prefix" else either + any_case)
    text = _text(operand, where)
    if end == "prefix":
        return lambda found: type(found) is str and found.startswith(text)
    return lambda found: type(found) is str and found.endswith(text)


def _ends(operand: object, where: str) -> Matches:
    return _begins(operand, where, end="suffix")


def _equals_in_any_case(operand: object, where: str) -> Matches:
    return _search(_any_case(_text(operand, where)))


def _wildcard(operand: object, where: str) -> Matches:
    text = _text(operand, where)
    if re.fullmatch(r"(?:[^\\]|\\[*\\])*", text, re.DOTALL) is None:
        raise error_at(where, r"has a backslash before another character than * or \; write \\")
    pieces = [""]  # the text between asterisks
    for part in re.findall(r"\\?.", text, re.DOTALL):
        if part != "*":
            pieces[-1] += part[-1]
        else:
            pieces.append("")
    if "" in pieces[1:-1]:
        raise error_at(where, "has two asterisks in sequence; write one")
    first, *middle = pieces

    def matches(found: object) -> bool:
        if type(found) is not str or not found.startswith(first) or not middle:
            return type(found) is str and found == first
        at, last = len(first), middle[-1]
        for piece in middle[:-1]:
            place = found.find(piece, at)
            if place < 0:
                return False
            at = place + len(piece)
        return len(found) - len(last) >= at and found.endswith(last)

    return matches


def _anything_but(operand: object, where: str) -> Matches:
    if isinstance(operand, dict):
        name, inner = only_item(operand, where)
        if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise error_at(where, f"takes no {quoted(name)}; choose prefix, suffix, equals-ignore-case or wildcard")
        values = inner if isinstance(inner, list) else [inner]
        if not values or (name in ("prefix", "suffix") and "" in values):
            raise error_at(where, f"has an empty {name}; write text")
        unwanted = [OPERATORS[name](_text(each, where), where) for each in values]
    else:
        values = operand if isinstance(operand, list) else [operand]
        numbers = [each for each in values if isinstance(each, Number)]
        if not values or len(numbers) not in (0, len(values)) or not all(isinstance(each, str) for each in values):
            raise error_at(where, "takes text or numbers, one or a list of one kind")
        unwanted = [_same_number(each, where) for each in numbers] or [_exactly(each, where) for each in values]
    return lambda found: not any(matches(found) for matches in unwanted)


def _exists(operand: object, where: str) -> Matches:
    if not isinstance(operand, bool):
        raise error_at(where, "takes true or false")
    return lambda found: bool(operand)  # fields that do not exist: `_Alternative.absent`


def _numeric(operand: object, where: str) -> Matches:
    terms = operand if isinstance(operand, list) else []
    operators = tuple(str(each) for each in terms[::2])
    if len(terms) % 2 or operators not in _RANGES or any(type(each) is not str for each in terms[::2]):
        raise error_at(where, 'takes an operator and a number, or a range, e.g. ["=", 5], [">", 0, "<=", 5]')
    limits = [_limit(each, where) for each in terms[1::2]]
    if len(limits) == 2 and limits[0] >= limits[1]:
        raise error_at(where, "has a range whose beginning is not below its end; exchange the numbers")
    tests = [_COMPARISONS[operator] for operator in operators]

    def matches(found: object) -> bool:
        number = _comparable(found) if isinstance(found, Number) else None
        return number is not None and all(test(number, limit) for test, limit in zip(tests, limits, strict=True))

    return matches


def _cidr(operand: object, where: str) -> Matches:
    text = _text(operand, where)
    address, _, bits = text.partition("/")
    base = _address(address)
    if base is None or re.fullmatch("[0-9]{1,3}", bits) is None or int(bits) >= base.max_prefixlen:
        raise error_at(where, "takes a range of addresses, e.g. 10.0.0.0/24")
    network = ipaddress.ip_network(f"{base}/{bits}", strict=False)

    def matches(found: object) -> bool:
        at = _address(found) if type(found) is str else None
        return at is not None and at.version == network.version and at in network

    return matches


OPERATORS: dict[str, Callable[[object, str], Matches]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _equals_in_any_case,
    "exactly": _exactly,
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _begins,
    "suffix": _ends,
    "wildcard": _wildcard,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": float.__eq__,
    "<": float.__lt__,
    "<=": float.__le__,
    ">": float.__gt__,
    ">=": float.__ge__,
}
_RANGES = frozenset((*((each,) for each in _COMPARISONS), *((low, up) for low in (">", ">=") for up in ("<", "<="))))


def only_item(operators: dict[str, Any], where: str) -> tuple[str, object]:
    """Return the operator of an object, and its operand.

    Raises:
        InvalidSource: the object has no key or several.
    """
    if len(operators) != 1:
        raise error_at(where, f"has an object with {len(operators)} keys; write one operator in each object")
    return next(iter(operators.items()))


def _text(value: object, where: str) -> str:
    if type(value) is not str:
        raise error_at(where, "takes text")
    return value


def _limit(value: object, where: str) -> float:
    number = _comparable(value) if isinstance(value, Number) else None
    if number is None:
        raise error_at(where, "takes numbers that a double holds")
    return number


def _same_number(value: Number, where: str) -> Matches:
    limit = _limit(value, where)
    return lambda found: isinstance(found, Number) and _comparable(found) == limit


def _comparable(text: str) -> float | None:
    """Return a number that can be compared; None for one that a double does not hold exactly."""
    number = float(text)
    try:
        return number if isfinite(number) and Decimal(repr(number)) == Decimal(text) else None
    except ArithmeticError:  # an exponent that no Decimal has
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _search(regular_expression: str) -> Matches:
    compiled = re.compile(regular_expression, re.DOTALL)
    return lambda found: type(found) is str and compiled.fullmatch(found) is not None


def _any_case(text: str) -> str:
    return "".join(f"(?:{re.escape(each.lower())}|{re.escape(each.upper())})" for each in text)
