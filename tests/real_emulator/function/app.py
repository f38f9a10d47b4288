"""A function for AWS's emulator."""

from __future__ import annotations

import os
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awslambdaric_lite import LambdaContext

if "FAIL_INIT" in os.environ:
    raise ValueError("init failed on purpose")

_RUNS = count(1)


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Act as the event's `do` says; by default describe the event and the process."""
    run = next(_RUNS)
    what = event.get("do")
    if what == "fail":
        raise KeyError("failed on purpose")
    if what == "exit":
        sys.exit(3)
    if what == "grow":
        return "x" * event["size"]
    print(f"run {run} of {context.aws_request_id}")
    return {
        "process": os.getpid(),
        "run": run,
        "text": len(event.get("text", "")),
        "number": event.get("number"),
        "function": context.function_name,
        "time_left": 0 < context.get_remaining_time_in_millis() <= 300_000,
    }
