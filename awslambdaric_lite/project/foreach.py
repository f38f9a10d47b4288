"""`Fn::ForEach` of the transform `AWS::LanguageExtensions`, which makes several entries of one.

Source: the CloudFormation template reference, "Fn::ForEach".
"""

from __future__ import annotations

import re
from typing import Any

from .errors import Problem
from .intrinsics import Scope, as_text

PREFIX = "Fn::ForEach::"
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]")
_MOST = 10_000  # entries of one loop; a template has at most 500 resources


def expand(scope: Scope, value: Any) -> Any:
    """Return a value in which each loop is replaced by its entries.

    Raises:
        Problem: a loop has another form than CloudFormation's, or makes an entry that exists.
    """
    if isinstance(value, list):
        return [expand(scope, each) for each in value]
    if not isinstance(value, dict):
        return value
    expanded: dict[str, Any] = {}
    for key, content in value.items():
        entries = _entries(scope, key, content) if key.startswith(PREFIX) else {key: expand(scope, content)}
        for name, entry in entries.items():
            if name in expanded:
                raise Problem(f"{key} makes {name} twice; use its identifier in the name")
            expanded[name] = entry
    return expanded


def _entries(scope: Scope, key: str, content: Any) -> dict[str, Any]:
    try:
        identifier, collection, template = content
        if not isinstance(template, dict) or not isinstance(identifier, str):
            raise TypeError
        values = [as_text(each) for each in scope.resolve(collection)]
    except (TypeError, ValueError):
        raise Problem(f"{key} has an unknown form; write [identifier, [values], {{name: content}}]") from None
    entries: dict[str, Any] = {}
    for each in values:
        for name, entry in expand(scope, _filled(template, identifier, each)).items():
            if name in entries:
                raise Problem(f"{key} makes {name} twice; use ${{{identifier}}} in the name")
            entries[name] = entry
        if len(entries) > _MOST:
            raise Problem(f"{key} makes more than {_MOST} entries; give it fewer values")
    return entries


def _filled(value: Any, identifier: str, by: str) -> Any:
    if isinstance(value, str):
        return value.replace(f"${{{identifier}}}", by).replace(f"&{{{identifier}}}", _NOT_ALPHANUMERIC.sub("", by))
    if isinstance(value, list):
        return [_filled(each, identifier, by) for each in value]
    if isinstance(value, dict):
        if value == {"Ref": identifier}:
            return by
        return {_filled(key, identifier, by): _filled(each, identifier, by) for key, each in value.items()}
    return value
