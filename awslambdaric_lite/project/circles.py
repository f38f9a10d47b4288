"""Circles of references between resources, which CloudFormation refuses as circular dependencies."""

from __future__ import annotations

import re
from typing import Any

from .stack import Stack

_VARIABLE = re.compile(r"\$\{\s*([A-Za-z0-9]+)")


def circle_of(stack: Stack) -> dict[str, str]:
    """Return the resources on a circle of references, each with the circle's text."""
    resources = stack.resources
    edges = {
        logical_id: [
            each
            for each in (*_names(stack, resource.get("Properties")), *_depends_on(resource))
            if isinstance(each, str) and each in resources and each != logical_id
        ]
        for logical_id, resource in resources.items()
    }
    found: dict[str, str] = {}
    for logical_id in edges:
        if logical_id not in found and (way := _way_back(edges, logical_id)) is not None:
            text = " -> ".join(way)
            found |= dict.fromkeys(way, text)
    return found


def _way_back(edges: dict[str, list[str]], start: str) -> list[str] | None:
    """Return the shortest way from a resource to itself."""
    ways = [[start, each] for each in edges[start]]
    seen: set[str] = set()
    while ways:
        following = []
        for way in ways:
            if way[-1] == start:
                return way
            if way[-1] not in seen:
                seen.add(way[-1])
                following += [[*way, each] for each in edges[way[-1]]]
        ways = following
    return None


def _depends_on(resource: dict[str, Any]) -> list[Any]:
    names = resource.get("DependsOn", [])
    return names if isinstance(names, list) else [names]


def _names(stack: Stack, value: Any) -> list[Any]:
    """Return the names that a value refers to; of `Fn::If` only the part that counts."""
    if isinstance(value, list):
        return [name for each in value for name in _names(stack, each)]
    if not isinstance(value, dict):
        return []
    names: list[Any] = []
    for key, each in value.items():
        if key == "Ref" and isinstance(each, str):
            names.append(each)
        elif key == "Fn::GetAtt":
            names += [each.partition(".")[0]] if isinstance(each, str) else each[:1] if isinstance(each, list) else []
        elif key == "Fn::Sub":
            text, given = (each, {}) if not isinstance(each, list) or len(each) != 2 else each
            given = given if isinstance(given, dict) else {}
            names += [name for name in _VARIABLE.findall(str(text)) if name not in given]
            names += _names(stack, list(given.values()))
        elif key == "Fn::If" and _is_choice(stack, each):
            names += _names(stack, each[1 if stack.condition(each[0]) else 2])
        else:
            names += _names(stack, each)
    return names


def _is_choice(stack: Stack, argument: Any) -> bool:
    return (
        isinstance(argument, list)
        and len(argument) == 3
        and isinstance(argument[0], str)
        and argument[0] in stack.section("Conditions")
    )
