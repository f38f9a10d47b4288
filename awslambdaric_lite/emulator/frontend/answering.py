"""Answers that are on their way to callers: what a front end waits for when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..http.exchange import Exchange

_LAST_WORDS_S = 1.0  # for callers to read their answers


async def finish(answers: Mapping[asyncio.Task[None], Exchange]) -> None:
    """Wait for callers to get their answers; who reads too slowly is cut off."""
    if answers:
        await asyncio.wait(answers, timeout=_LAST_WORDS_S)
    for exchange in answers.values():
        exchange.abort()
    await asyncio.gather(*answers, return_exceptions=True)
