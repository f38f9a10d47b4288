"""Events of AWS AppSync: direct Lambda resolvers of GraphQL APIs."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from .shared import Event


def appsync(
    field: str = "getItem",
    arguments: Mapping[str, Any] | None = None,
    *,
    parent_type: str = "Query",
    selections: Sequence[str] = ("id",),
    variables: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    stash: Mapping[str, Any] | None = None,
    previous: Mapping[str, Any] | None = None,
) -> Event:
    """Return the event of an AppSync direct Lambda resolver.

        appsync("createPost", {"title": "Hello"}, parent_type="Mutation", selections=["id", "title"])

    The same arguments always give the same event.

    Args:
        field: field of the type that the function resolves.
        arguments: arguments of the field. Default: none.
        parent_type: type that has the field, e.g. Query, Mutation or Post.
        selections: fields that the caller selects, nested ones as `author/name`. Default: id.
        variables: variables of the GraphQL operation. Default: none.
        source: result of the parent field. Default: none, as for Query and Mutation.
        identity: identity of the caller, e.g. `{"sub": "7", "claims": {}}`. Default: none, as with an API key.
        headers: headers of the request. Default: none.
        stash: stash of a pipeline resolver. Default: empty.
        previous: result of the previous function of a pipeline resolver. Default: none.

    Source: docs appsync/latest/devguide/resolver-context-reference-js.html
    """
    fields = list(selections)
    return {
        "arguments": copy.deepcopy(dict(arguments or {})),
        "identity": None if identity is None else copy.deepcopy(dict(identity)),
        "source": None if source is None else copy.deepcopy(dict(source)),
        "request": {"headers": dict(headers or {}), "domainName": None},
        "prev": None if previous is None else {"result": copy.deepcopy(dict(previous))},
        "info": {
            "selectionSetList": fields,
            "selectionSetGraphQL": _selection_set(fields),
            "parentTypeName": parent_type,
            "fieldName": field,
            "variables": copy.deepcopy(dict(variables or {})),
        },
        "stash": copy.deepcopy(dict(stash or {})),
    }


def _selection_set(fields: Sequence[str], depth: int = 1) -> str:
    """Return the fields as GraphQL text."""
    nested: dict[str, list[str]] = {}
    for field in fields:
        name, _, inner = field.partition("/")
        nested.setdefault(name, []).extend([inner] if inner else [])
    indent = "  " * depth
    lines = [
        f"{indent}{name}" + (f" {_selection_set(inner, depth + 1)}" if inner else "") for name, inner in nested.items()
    ]
    return "\n".join(["{", *lines, f"{indent[2:]}}}"])
