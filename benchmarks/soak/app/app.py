"""The function of the soak runs: the event says what it does."""

import json
import os
import time
from typing import Any


def handler(event: Any, context: object) -> Any:
    """Do what the event asks for; record its number first, where the environment names a file."""
    if "body" in event:  # through the function URL
        event = json.loads(event["body"])
    if record := os.environ.get("SOAK_RECORD"):
        descriptor = os.open(record, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, f"{event['number']}\n".encode())
        os.close(descriptor)
    kind = event["kind"]
    if kind == "error":
        raise ValueError(event["text"])
    if kind == "coroutine":
        return _answer(event)
    if kind == "stream":
        return (event["text"].encode() for _ in range(3))
    if kind == "crash":
        os._exit(1)
    if kind == "timeout":
        time.sleep(60)
    if kind == "storm":
        os.write(1, b"a line of output\n" * 5_000)
    return event


async def _answer(event: Any) -> Any:
    return event
