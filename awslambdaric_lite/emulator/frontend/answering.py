"""Wait of a front end for its unfinished responses when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..http.exchange import Exchange

_LAST_WORDS_S = 1.0  # for callers to read their responses


async def finish(answers: Mapping[asyncio.Task[None], Exchange]) -> None:
    """Wait for unfinished responses; cut off the callers that read too slowly."""
    if answers:
        await asyncio.wait(answers, timeout=_LAST_WORDS_S)
    for exchange in answers.values():
        exchange.abort()
    await asyncio.gather(*answers, return_exceptions=True)
