"""A function that tells how much its runtime has loaded."""

import sys


def modules(event: object, context: object) -> int:
    """Answer how many modules there are when the first invocation begins."""
    return len(sys.modules)
