"""What the readers of projects raise."""

from __future__ import annotations

from ..emulator.errors import EmulatorError


class InvalidProject(EmulatorError, ValueError):
    """A project that cannot be read; the text names the file, the thing and the cure."""


WRONG_FORM = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What Python raises where a value of a template has another form than the reader of a resource expects."""


class Problem(Exception):
    """A fault of one resource, without its place; the reader of the resource adds file and logical id."""


def explain(error: Exception) -> str:
    """Return the text of a fault of one resource, also where a value of another form has caused it."""
    if isinstance(error, Problem | EmulatorError):
        return str(error)
    return f"a value has an unknown form ({type(error).__name__}: {error}); compare it with the reference"
