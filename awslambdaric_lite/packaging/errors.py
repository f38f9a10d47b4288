"""What the packaging tools raise."""

from __future__ import annotations


class PackagingError(Exception):
    """Something cannot be packed or read; the text is one line that names the thing and the cure."""
