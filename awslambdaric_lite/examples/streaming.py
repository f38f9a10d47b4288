"""A response that is sent while the handler produces it.

Try it: `awslambdaric-lite invoke awslambdaric_lite.examples.streaming.handler`
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from awslambdaric_lite import StreamingResponse
from awslambdaric_lite.types import JSON, Context


def handler(event: JSON, context: Context) -> StreamingResponse:
    """Count for a second, one line at a time."""
    return StreamingResponse(lines(context), headers={"content-type": "text/plain; charset=utf-8"})


def lines(context: Context) -> Iterator[str]:
    """Yield the body, one line at a time; each line is sent immediately."""
    for number in range(1, 11):
        yield f"{number} of 10, {context.get_remaining_time_in_millis()} ms left\n"
        time.sleep(0.1)
