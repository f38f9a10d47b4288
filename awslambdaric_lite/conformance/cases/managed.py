"""Cases of Managed Instances, which have several invocations at a time."""

from __future__ import annotations

from collections.abc import Sequence

from .. import checks
from ..case import TRACE, TRACE_IDS, Case, ask, echoes, on
from ..checks import Check
from ..messages import Event
from ..server import React, Reaction

_MANAGED = 4
_BACKOFF_POLLS = 40  # a client that waits between polls sends fewer


def _managed(name: str, demand: str, events: Sequence[Event], *expect: Check, react: React | None = None) -> Case:
    env = {
        "AWS_LAMBDA_MAX_CONCURRENCY": str(_MANAGED),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
    }
    return Case(f"managed.{name}", "managed", demand, events, expect, env, react, _MANAGED)


MANAGED = [
    _managed(
        "concurrency",
        "Four events are handled at a time.",
        echoes(4),
        checks.handles_together(4),
        checks.responds(*range(4)),
    ),
    _managed(
        "trace",
        "Each of four concurrent invocations sees its own trace id.",
        [ask("trace", n, (TRACE, TRACE_IDS[n]), sleep_ms=400) for n in range(4)],
        checks.traces(*TRACE_IDS),
    ),
    _managed(
        "order",
        "The responses are sent as handlers return, each to its own event.",
        [ask("echo", n, value=n, sleep_ms=600 - 200 * n) for n in range(4)],
        checks.responds(*range(4)),
    ),
    _managed(
        "error",
        "An error leaves the invocations next to it alone.",
        [
            ask("raise", 0, message="failed", sleep_ms=100),
            *(ask("echo", n, value=n, sleep_ms=300) for n in (1, 2, 3)),
        ],
        checks.fails(0, "failed"),
        checks.accepted(3),
    ),
    _managed(
        "timeout",
        "A 410 for a late response leaves the loop running.",
        echoes(5),
        checks.accepted(4),
        react=on("response", 0, Reaction(status=410)),
    ),
    _managed(
        "backoff",
        "A refused poll is repeated, with pauses.",
        echoes(4),
        checks.responds(*range(4)),
        checks.polls(5, _BACKOFF_POLLS),
        react=on("next", 0, Reaction(status=500, ignored=True)),
    ),
]
