"""The records of asynchronous invocations: one line of JSON for each complete event, appended to files.

Source of the format: "Capturing records of Lambda asynchronous invocations" of the developer guide.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from ...common.json_text import compact, parse
from ..logs.timestamps import iso_time, now
from ..results import FunctionOutcome, Invocation

Condition = Literal["Success", "RetriesExhausted", "EventAgeExceeded"]


def invocation_record(
    event: Invocation, condition: Condition, invoke_count: int, answer: FunctionOutcome | None
) -> str:
    """Return the record of an event as one line, without its line end.

    An event that was never run, because it became too old in the queue, has no response. Numbers and text of the event
    and of the response are copied unchanged.
    """
    unqualified = event.arn.count(":") == 6
    context = {
        "requestId": event.request_id,
        "functionArn": f"{event.arn}:{event.version}" if unqualified else event.arn,
        "condition": condition,
        "approximateInvokeCount": invoke_count,
    }
    members = {
        "version": json.dumps("1.0"),
        "timestamp": json.dumps(iso_time(now())),
        "requestContext": compact(context, ascii_only=True),
        "requestPayload": _embedded(event.event),
    }
    if answer is not None:
        response = {"statusCode": 200, "executedVersion": event.version}
        if answer.error is not None:
            response["functionError"] = answer.error
        members["responseContext"] = compact(response, ascii_only=True)
        members["responsePayload"] = _embedded(answer.payload)
    return "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"


def append_line(path: Path, line: str) -> None:
    """Append a line in one write, so that lines of several writers do not mix.

    Raises:
        OSError: the file cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode() + b"\n")
    finally:
        os.close(descriptor)


def _embedded(payload: bytes) -> str:
    try:
        # In JSON a line break can only be between tokens, never in a string.
        text = payload.decode()
        parse(text)
        return text.translate({0x0A: " ", 0x0D: " "})
    except ValueError:
        return json.dumps(payload.decode("utf-8", "replace"))
