"""A function that starts the recording tool during its import, or in its first invocation."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awslambdaric_lite import LambdaContext

recording_tool: Any = import_module("recording_tool")  # found in the task root only
_FAIL = os.environ.get("FAIL", "")

if "LATE" not in os.environ:
    recording_tool.replace()
if _FAIL == "raise":
    raise ValueError("init failed on purpose")
if _FAIL == "import":
    __import__("a_module_that_is_missing")
if _FAIL == "interrupt":
    raise KeyboardInterrupt


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Act as the event says."""
    if event.get("replace"):
        recording_tool.replace()
    if event.get("fail"):
        raise ValueError("failed on purpose")
    if event.get("exit"):
        sys.exit(4)
    if event.get("bytes"):
        return b"some bytes"
    return {"answer": event}
