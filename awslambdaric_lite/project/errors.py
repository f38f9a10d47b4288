"""What the readers of projects raise."""

from __future__ import annotations

from ..emulator.errors import EmulatorError


class InvalidProject(EmulatorError, ValueError):
    """A project that cannot be read; the text names the file, the thing and the cure."""


class Problem(Exception):
    """A fault of one resource, without its place; the reader of the resource adds file and logical id."""
