"""Scenarios about results of handlers."""

from __future__ import annotations

from tests.contract.scenario import Scenario
from tests.handlers.results import VALUES
from tests.support.recorder import Event

_EVENTS = [Event(b'"%b"' % name.encode()) for name in VALUES]

RESULTS = [
    Scenario("results", "results.handler", _EVENTS),
    Scenario("results, standard library", "results.handler", _EVENTS, {"AWSLAMBDARIC_LITE_CODEC": "stdlib"}),
    Scenario("results, orjson", "results.handler", _EVENTS, {"AWSLAMBDARIC_LITE_CODEC": "orjson"}),
    Scenario("results, no heavy imports", "plain_results.handler", [Event(b"%d" % number) for number in range(12)]),
    Scenario("large results", "results.large", [Event(b"%d" % size) for size in (10, 70_000, 1_500_000, 1_500_000)]),
]
