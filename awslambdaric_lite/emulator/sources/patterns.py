"""Filter patterns: EventBridge's language, by which an event source selects messages.

A pattern is compiled to alternatives (`$or` makes several). Each maps paths to matchers, and an event to fields: values
with their paths. Fields of one array match together only if they come from the same element.

Source: AWS's matcher, `software.amazon.event.ruler:event-ruler`, which is the oracle of the tests; and the developer
guide of Lambda, "Control which events Lambda sends to your function" and "Using event filtering with an Amazon SQS
event source".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...common import json_text
from ...common.words import quoted
from ..errors import InvalidSource
from .operators import OPERATORS, Matches, Number, equals, error_at, only_item

MAX_FILTERS = 10  # 5 by default; source: "Lambda quotas"
_MAX_ALTERNATIVES = 1000  # source: "Content filtering in Amazon EventBridge event patterns", about $or
_MAX_LENGTH = 4096  # source: the service model of Lambda, `Pattern`
# Lambda documents these operators; EventBridge has others, which its matcher knows, too.
_DOCUMENTED = frozenset(("anything-but", "equals-ignore-case", "exists", "numeric", "prefix", "suffix"))
_RESERVED_IN_OR = frozenset(
    (
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"),
        *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    )
)


_Fields = dict[str, list[tuple[object, dict[int, int]]]]  # by path: values, each with its index in each array


class _Alternative(NamedTuple):
    """Conditions of which all have to hold: matchers by path, of which one has to match."""

    matchers: dict[str, list[Matches]]
    absent: set[str]  # paths that match, too, where the event has no such field


class Pattern:
    """A compiled pattern.

    Raises:
        InvalidSource: the text is not a pattern; the message names the part.
    """

    def __init__(self, text: str) -> None:
        self.undocumented: set[str] = set()
        """Operators that AWS's matcher knows, but Lambda's documentation does not mention."""
        if len(text) > _MAX_LENGTH:
            raise InvalidSource(f"filter pattern has {len(text)} characters; Lambda takes {_MAX_LENGTH}")
        try:
            document = _parse(text)
        except ValueError as error:
            raise InvalidSource(f"filter pattern {quoted(text)} is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise InvalidSource(f"filter pattern {quoted(text)} is not a JSON object")
        self._alternatives: list[_Alternative] = []
        try:
            self._compile(document, "", self._alternatives, inside_or=False)
        except RecursionError:
            raise InvalidSource(f"filter pattern {quoted(text)} is nested too deeply") from None

    @property
    def keys(self) -> set[str]:
        """The keys of the record that the pattern tests."""
        return {path.partition(".")[0] for each in self._alternatives for path in each.matchers}

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record matches; a `body` that is a JSON object or array is tested as such.

        A pattern for text does not match a body that is JSON, nor the other way round.
        """
        body = record.get("body")
        document = _document(body) if isinstance(body, str) else None
        fields = _flatten({**record, "body": body if document is None else document})
        return any(_holds(each, fields) for each in self._alternatives if _fits(each, document is not None))

    def _compile(self, node: dict[str, Any], path: str, into: list[_Alternative], *, inside_or: bool) -> None:
        if not node:
            raise error_at(path, "is an empty object; name a field in it")
        for key, value in node.items():
            inner = f"{path}.{key}" if path else key
            if key == "$or":
                self._compile_or(value, path, into)
            elif inside_or and key in _RESERVED_IN_OR:
                raise error_at(inner, "is a reserved name inside $or; choose another field")
            elif isinstance(value, dict):
                self._compile(value, inner, into, inside_or=inside_or)
            elif isinstance(value, list):
                matchers, absent = self._compile_list(value, inner)
                if not into:
                    into.append(_Alternative({}, set()))
                for each in into:
                    each.matchers[inner] = matchers
                    (each.absent.add if absent else each.absent.discard)(inner)
            else:
                raise error_at(inner, "must be an object or a list; write the value in brackets")

    def _compile_or(self, value: object, path: str, into: list[_Alternative]) -> None:
        where = f"{path}.$or" if path else "$or"
        if not isinstance(value, list) or len(value) < 2 or not all(isinstance(each, dict) for each in value):
            raise error_at(where, "must be a list of two or more objects")
        before = into[:] or [_Alternative({}, set())]
        into.clear()
        for each in value:
            copies = [_Alternative(dict(old.matchers), set(old.absent)) for old in before]
            self._compile(each, path, copies, inside_or=True)
            into += copies
            if len(into) > _MAX_ALTERNATIVES:
                raise error_at(where, f"makes more than {_MAX_ALTERNATIVES} combinations; AWS refuses them")

    def _compile_list(self, values: list[Any], path: str) -> tuple[list[Matches], bool]:
        if not values:
            raise error_at(path, "is an empty list; name a value in it")
        matchers, absent = [], False
        for value in values:
            if isinstance(value, list):
                raise error_at(path, "has a list in its list; write text, a number, true, false, null or an operator")
            if isinstance(value, dict):
                operator, operand = only_item(value, path)
                if operator not in OPERATORS:
                    raise error_at(
                        path, f"has the unknown operator {quoted(operator)}; choose one of: {', '.join(OPERATORS)}"
                    )
                nested = set(operand) if isinstance(operand, dict) else set()
                self.undocumented |= ({operator} - _DOCUMENTED) or {f"{operator} with {each}" for each in nested}
                absent |= operator == "exists" and operand is False
                matchers.append(OPERATORS[operator](operand, f"{path}: {operator}"))
            else:
                matchers.append(equals(value))
        return matchers, absent


def compile_filters(texts: Sequence[str]) -> tuple[Pattern, ...]:
    """Compile the patterns of an event source, of which one has to match.

    Raises:
        InvalidSource: one is not a pattern, or their number is too large.
    """
    if len(texts) > MAX_FILTERS:
        raise InvalidSource(f"an event source has {len(texts)} filters; Lambda takes up to {MAX_FILTERS}")
    return tuple(map(Pattern, texts))


def _parse(text: str) -> Any:
    return json_text.parse(text, parse_float=Number, parse_int=Number)


def _document(body: str) -> dict[str, Any] | list[Any] | None:
    """Return the JSON object or array that a body is; None for any other text."""
    try:
        value = _parse(body)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def _fits(alternative: _Alternative, is_document: bool) -> bool:
    tests_text = "body" in alternative.matchers
    tests_document = any(path.startswith("body.") for path in alternative.matchers)
    return not (tests_text if is_document else tests_document)


def _flatten(event: object) -> _Fields:
    """Return the values of an event by path; nesting is followed without recursion."""
    fields: _Fields = {}
    arrays = 0
    rest: list[tuple[str, object, dict[int, int]]] = [("", event, {})]
    while rest:
        path, value, places = rest.pop()
        if isinstance(value, dict):
            rest += ((f"{path}.{key}" if path else key, inner, places) for key, inner in value.items())
        elif isinstance(value, list):
            arrays += 1
            for index, inner in enumerate(value):
                nested = isinstance(inner, dict | list)
                rest.append((path, inner, {**places, arrays: index} if nested else places))
        else:
            fields.setdefault(path, []).append((value, places))
    return fields


def _holds(alternative: _Alternative, fields: _Fields) -> bool:
    """Return whether all conditions hold; they are tried in the order of their paths, as AWS's matcher does."""
    states: list[dict[int, int]] = [{}]  # the elements of arrays from which the fields so far came
    for path in sorted(alternative.matchers):
        found = fields.get(path, [])
        matching = [places for value, places in found if any(each(value) for each in alternative.matchers[path])]
        following: dict[frozenset[tuple[int, int]], dict[int, int]] = {}
        for chosen in states:
            if path in alternative.absent and not any(_consistent(chosen, places) for _, places in found):
                following[frozenset(chosen.items())] = chosen
            for places in matching:
                if _consistent(chosen, places):
                    merged = {**chosen, **places}
                    following[frozenset(merged.items())] = merged
        states = list(following.values())
    return bool(states)


def _consistent(chosen: dict[int, int], places: dict[int, int]) -> bool:
    return all(chosen.get(array, index) == index for array, index in places.items())


def undocumented_notes(patterns: Sequence[Pattern]) -> Iterator[str]:
    """Return a line for each thing in patterns that Lambda does not document for SQS."""
    for operator in sorted(set[str]().union(*(each.undocumented for each in patterns))):
        yield f"Lambda does not document the filter operator {operator}; AWS may refuse it"
    for key in sorted(set[str]().union(*(each.keys for each in patterns)) - {"body"}):
        yield f"Lambda documents filters of SQS on body only; AWS may refuse {quoted(key)}"
