"""A handler that hangs, and a log that says where: in `ask`, called by `handler`.

Try it: `awslambdaric-lite invoke awslambdaric_lite.examples.hanging.handler --timeout 1 --env
AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS=500`
"""

from __future__ import annotations

import threading

from awslambdaric_lite.types import JSON, Context


def handler(event: JSON, context: Context) -> JSON:
    """Ask somebody who never answers."""
    return {"answer": ask("anybody there?")}


def ask(question: str) -> str:
    """Wait for an answer."""
    threading.Event().wait()  # in the place of a service without a time-out
    return f"yes, to {question}"
