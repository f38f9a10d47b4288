"""A function without instrumentation and without imports."""

import sys


def handler(event: object, context: object) -> object:
    """Return the names of the loaded modules."""
    return sorted(sys.modules)
