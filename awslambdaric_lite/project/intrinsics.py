"""CloudFormation's intrinsic functions, by their names.

Source: the CloudFormation template reference, "Intrinsic function reference", with those of the transform
`AWS::LanguageExtensions`.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

from ..common.json_text import compact
from .errors import InvalidProject, Problem

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class _NoValue:
    """The value of `AWS::NoValue`, which removes its property."""


NO_VALUE = _NoValue()


class Scope(Protocol):
    """What intrinsic functions know of their stack."""

    def resolve(self, value: Any) -> Any:
        """Return a value without intrinsic functions."""

    def ref(self, name: str) -> Any:
        """Return the value of `Ref`."""

    def attribute(self, name: str, attribute: str) -> Any:
        """Return the value of `Fn::GetAtt`."""

    def condition(self, name: str) -> bool:
        """Return the value of a condition by its name."""
        ...

    def mapping(self, name: str) -> Any:
        """Return a table of `Mappings`, None if the template does not have it."""

    def export(self, name: str) -> Any:
        """Return the value that another stack exports."""

    @property
    def region(self) -> str:
        """The stack's region."""
        ...


def call(scope: Scope, name: str, argument: Any) -> Any:
    """Return the value of an intrinsic function.

    Raises:
        Problem: its argument has another form than CloudFormation's.
    """
    function = _FUNCTIONS.get(name)
    if function is None:
        raise Problem(f"{name} is not an intrinsic function{nearest(name, _FUNCTIONS)}")
    try:
        return function(scope, argument)
    except InvalidProject:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, StopIteration, RecursionError):
        shown = compact(argument)
        raise Problem(f"{name} has an unknown form: {shown[:100]}; write it as its reference says") from None


def is_call(value: Any) -> bool:
    """Return whether a value is an intrinsic function with its argument."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    name = next(iter(value))
    return name == "Ref" or (name.startswith("Fn::") and not name.startswith("Fn::ForEach::"))


def is_true(scope: Scope, value: Any) -> bool:
    """Return the value of a condition: a function that makes one, or `{"Condition": NAME}`."""
    if isinstance(value, dict) and value.keys() == {"Condition"}:
        named = value["Condition"]
        return scope.condition(named) if isinstance(named, str) else is_true(scope, named)
    result = scope.resolve(value)
    if isinstance(result, bool) or result in ("true", "false"):
        return result is True or result == "true"
    raise Problem(f"{compact(value)[:100]} is not a condition; write e.g. Fn::Equals")


def nearest(name: str, names: Any) -> str:
    """Return `; write NAME` with the most similar of some names, or nothing."""
    found = get_close_matches(name, list(names), 1)
    return f"; write {found[0]}" if found else ""


def as_text(value: Any) -> str:
    """Return a value as CloudFormation writes it into text.

    Raises:
        Problem: it is a list or a mapping.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, dict | list | _NoValue):
        raise Problem(f"{compact(value) if not isinstance(value, _NoValue) else 'AWS::NoValue'} is not text")
    return str(value)


def _list(scope: Scope, value: Any) -> list[Any]:
    result = scope.resolve(value)
    if isinstance(result, list):
        return result
    raise TypeError


def _text(scope: Scope, value: Any) -> str:
    return as_text(scope.resolve(value))


def _sub(scope: Scope, argument: Any) -> str:
    text, given = (argument, {}) if isinstance(argument, str) else argument
    if not isinstance(given, Mapping) or not isinstance(text, str):
        raise TypeError

    def replaced(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        if name in given:
            return _text(scope, given[name])
        resource, dot, attribute = name.partition(".")
        return as_text(scope.attribute(resource, attribute) if dot else scope.ref(name))

    return _VARIABLE.sub(replaced, text)


def _get_att(scope: Scope, argument: Any) -> Any:
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(_text(scope, name), _text(scope, attribute))


def _join(scope: Scope, argument: Any) -> str:
    separator, parts = argument
    return str(separator).join(as_text(each) for each in _list(scope, parts))


def _split(scope: Scope, argument: Any) -> list[str]:
    separator, text = argument
    return _text(scope, text).split(separator)


def _select(scope: Scope, argument: Any) -> Any:
    index, values = argument
    number, found = int(_text(scope, index)), _list(scope, values)
    if not 0 <= number < len(found):
        raise Problem(f"Fn::Select takes value {number} of {len(found)}; the first is 0")
    return found[number]


def _find_in_map(scope: Scope, argument: Sequence[Any]) -> Any:
    names = [_text(scope, each) for each in argument[:3]]
    if len(names) != 3:
        raise TypeError
    options = argument[3] if len(argument) > 3 else {}
    table = scope.mapping(names[0])
    try:
        return scope.resolve(table[names[1]][names[2]])
    except (KeyError, TypeError):
        if "DefaultValue" in options:
            return scope.resolve(options["DefaultValue"])
        raise Problem(f"Mappings has no {'.'.join(names)}; add it, or a DefaultValue") from None


def _if(scope: Scope, argument: Any) -> Any:
    name, then, otherwise = argument
    return scope.resolve(then if scope.condition(name) else otherwise)


def _equals(scope: Scope, argument: Any) -> bool:
    first, second = (scope.resolve(each) for each in argument)
    if isinstance(first, dict | list) or isinstance(second, dict | list):
        return bool(first == second)
    return as_text(first) == as_text(second)


def _not(scope: Scope, argument: Any) -> bool:
    (value,) = argument
    return not is_true(scope, value)


def _cidr(scope: Scope, argument: Any) -> list[str]:
    values = [_text(scope, each) for each in argument]
    network = ipaddress.ip_network(values[0], strict=False)
    prefix = network.max_prefixlen - int(values[2] if len(values) > 2 else 8)
    subnets = network.subnets(new_prefix=prefix)
    return [str(next(subnets)) for _ in range(int(values[1]))]


def _zones(scope: Scope, argument: Any) -> list[str]:
    region = _text(scope, argument) or scope.region
    return [region + letter for letter in "abc"]


_FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
    "Ref": lambda scope, argument: scope.ref(_text(scope, argument)),
    "Fn::And": lambda scope, argument: all(is_true(scope, each) for each in argument),
    "Fn::Base64": lambda scope, argument: base64.b64encode(_text(scope, argument).encode()).decode(),
    "Fn::Cidr": _cidr,
    "Fn::Equals": _equals,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _zones,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": lambda scope, argument: scope.export(_text(scope, argument)),
    "Fn::Join": _join,
    "Fn::Length": lambda scope, argument: len(_list(scope, argument)),
    "Fn::Not": _not,
    "Fn::Or": lambda scope, argument: any(is_true(scope, each) for each in argument),
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": lambda scope, argument: compact(scope.resolve(argument)),
}
