"""Tells how the event arrived."""

from __future__ import annotations


def handler(event: object, context: object) -> object:
    """Return the event's type and value as Python writes it."""
    text = repr(event)
    return [type(event).__name__, text if len(text) < 1000 else [len(text), text[:20], text[-20:]]]


def ascii_handler(event: object, context: object) -> object:
    """Return the same in ASCII."""
    return [type(event).__name__, ascii(event)]


def echo(event: object, context: object) -> object:
    """Return the event."""
    return event
