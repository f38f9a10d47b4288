"""A handler that prints as the event says."""

from __future__ import annotations

import os
import sys
from typing import Any

print("at import")
sys.stderr.write("at import, on stderr\n")


def handler(event: int, context: Any) -> object:
    """Write to the stream that the event selects."""
    if event == 0:
        print("a line")
    elif event == 1:
        print("no newline", end="")
    elif event == 2:
        print("to stderr", file=sys.stderr)
        sys.stderr.write("no newline")
    elif event == 3:
        context.log("through the context\n")
        context.log("without newline")
        context.log(7)
        context.log({"a": "é"})
    elif event == 4:
        print("é € 😀", "\r", "\x1b[0m")
    elif event == 5:
        sys.stdout.writelines(["one\n", "two\n"])
        sys.stderr.writelines(["three", "four"])
    elif event == 6:
        sys.stdout.buffer.write(b"raw \xff bytes\n")
        sys.stdout.flush()
        os.write(1, b"to the descriptor\n")
    elif event == 7:
        sys.stdout.write("1\n2")
        sys.stderr.write("3\n")
        sys.stdout.write("4\n")
        raise ValueError("after output")
    else:
        return [sys.stdout.isatty(), sys.stdout.encoding.lower(), sys.stdout.fileno(), sys.stderr.fileno()]
    return event
