"""JSON read into declared shapes and written, as the Runtime API's server does both."""

from __future__ import annotations

from typing import Any

from ...common import json_text

Shape = type | list[Any] | dict[str, Any]

_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def read(text: str | bytes, shape: Shape) -> Any:
    """Parse JSON into a shape: a type, a list of one shape, or a dict of them.

    Null and missing values become the empty value of the shape (None for a list); unknown keys are dropped.

    Raises:
        ValueError: the text is not JSON, or not of the shape.
    """
    return _shaped(json_text.parse(text), shape)


def write(value: Any) -> bytes:
    """Return compact JSON in which Go's characters for HTML are escaped."""
    return json_text.compact(value).translate(_ESCAPES).encode("utf-8", "replace")


def _shaped(value: Any, shape: Shape) -> Any:
    if isinstance(shape, dict):
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"an object was expected, not {value!r}")
        return {key: _shaped((value or {}).get(key), inner) for key, inner in shape.items()}
    if isinstance(shape, list):
        if value is not None and not isinstance(value, list):
            raise ValueError(f"an array was expected, not {value!r}")
        return None if value is None else [_shaped(item, shape[0]) for item in value]
    if shape is object:
        return value
    if value is not None and type(value) is not shape:
        raise ValueError(f"{shape.__name__} was expected, not {value!r}")
    return shape() if value is None else value
