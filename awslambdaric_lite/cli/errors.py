"""The exception that commands raise instead of exiting."""

from __future__ import annotations


class UsageError(Exception):
    """A command line that has to be changed; the message says how. Exit code 2."""
