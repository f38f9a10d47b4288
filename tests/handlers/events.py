"""Handlers that return the event."""

from __future__ import annotations


def handler(event: object, context: object) -> object:
    """Return the event's type and `repr`."""
    text = repr(event)
    return [type(event).__name__, text if len(text) < 1000 else [len(text), text[:20], text[-20:]]]


def ascii_handler(event: object, context: object) -> object:
    """Return the event's type and `ascii`."""
    return [type(event).__name__, ascii(event)]


def echo(event: object, context: object) -> object:
    """Return the event."""
    return event
