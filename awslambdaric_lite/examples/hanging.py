"""A handler that hangs; the log shows the stack of `handler` and `ask` before the timeout.

Try it: `awslambdaric-lite invoke awslambdaric_lite.examples.hanging.handler --timeout 1 --env
AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS=500`
"""

from __future__ import annotations

import threading

from awslambdaric_lite.types import JSON, Context


def handler(event: JSON, context: Context) -> JSON:
    """Ask a service that never responds."""
    return {"answer": ask("anybody there?")}


def ask(question: str) -> str:
    """Wait for a response."""
    threading.Event().wait()  # simulates a service that does not time out
    return f"yes, to {question}"
