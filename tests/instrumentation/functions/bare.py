"""A function that nothing watches and that needs nothing."""

import sys


def handler(event: object, context: object) -> object:
    """Tell which modules are loaded."""
    return sorted(sys.modules)
