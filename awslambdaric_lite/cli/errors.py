"""What commands raise instead of exiting."""

from __future__ import annotations


class UsageError(Exception):
    """The command line asks for something that cannot be done; the text says what to change. Exit code 2."""
