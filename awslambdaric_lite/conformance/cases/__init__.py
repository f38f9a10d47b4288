"""The cases. `LINES` is the checklist; each case belongs to one of its lines.

A `Case` talks to the client as the Runtime API does, a `CallerCase` invokes a function as an SDK does.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..case import CallerCase, Case
from .callers import CALLER_CASES
from .invocations import HEADERS, REFUSALS, XRAY
from .managed import MANAGED
from .phases import INITS, LOGS, SHUTDOWN, STREAMING
from .transport import STATES, TRANSPORT

__all__ = ["ALL_CASES", "CALLER_CASES", "CASES", "LINES"]

LINES = {
    "transport": "one persistent connection, replaced when it breaks; no timeout of a poll; chunked events; no proxy",
    "headers": "empty header fields are absent ones; trace id per invocation; invocation id in each reply",
    "refusals": "a refused response is not followed by an error",
    "xray": "the X-Ray cause is short, one line, ASCII",
    "init": "init errors are posted before the exit; hooks of snapshots exit with 64 and 65",
    "streaming": "trailers are declared and carry errors; an error before the first byte is an ordinary one",
    "shutdown": "SIGTERM reaches the function through an internal extension",
    "logs": "a telemetry descriptor is optional; a report is one line",
    "managed": "several invocations at a time, each with its own state; a bounded number of retries",
    "states": "an event that the API delivers again is answered",
    "completion": "each caller gets the response to its own event",
    "lifecycle": "exits, timeouts, init errors and shutdown reach callers as the platform reports them",
    "limits": "the largest response is accepted; errors are errors of the function",
    "framing": "large events arrive whole, however they are framed",
}

CASES: Sequence[Case] = (
    *TRANSPORT,
    *HEADERS,
    *REFUSALS,
    *XRAY,
    *INITS,
    *STREAMING,
    *SHUTDOWN,
    *LOGS,
    *MANAGED,
    *STATES,
)
ALL_CASES: Sequence[Case | CallerCase] = (*CASES, *CALLER_CASES)
