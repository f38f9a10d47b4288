"""A coroutine handler: connections outlive their invocation, because all invocations share an event loop.

Try it: `awslambdaric-lite invoke awslambdaric_lite.examples.async_handler.handler`
"""

from __future__ import annotations

import asyncio

from awslambdaric_lite import on_shutdown
from awslambdaric_lite.types import JSON, Context

_lock = asyncio.Lock()
_count = 0


async def handler(event: JSON, context: Context) -> JSON:
    """Wait for two tasks concurrently."""
    global _count
    async with _lock:
        _count += 1
    answers = await asyncio.gather(_ask("one"), _ask("two"))
    return {"invocation": _count, "answers": list(answers)}


async def _ask(question: str) -> str:
    await asyncio.sleep(0.05)  # simulates a database or another service
    return f"answer to {question}"


@on_shutdown
async def close() -> None:
    """Close connections on the same event loop at shutdown."""
    print(f"{_count} invocations were answered")
