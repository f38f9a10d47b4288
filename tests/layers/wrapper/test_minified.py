"""What `minified` leaves of a source."""

from __future__ import annotations

from typing import Any

from layers.wrapper.minified import minified


def test_minified() -> None:
    """Names that others may use stay; the result does the same."""
    source = b"""
_GLOBAL = 2

def function(argument, *, keyword=1):
    local = argument + keyword
    return local * _GLOBAL
"""
    result = minified(source)
    assert len(result) < len(source)
    space: dict[str, Any] = {}
    exec(result, space)
    assert space["function"](argument=1, keyword=2) == 6 and space["_GLOBAL"] == 2
