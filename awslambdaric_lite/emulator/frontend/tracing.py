"""X-Ray trace headers for callers that send none."""

from __future__ import annotations

import secrets
import time


def new_trace_id() -> str:
    """Return the header of a trace that is not sampled."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
