"""Scenarios about results of handlers."""

from __future__ import annotations

from awslambdaric_lite.conformance.messages import Event
from tests.contract.scenario import Scenario
from tests.handlers.results import VALUES

_EVENTS = [Event(b'"%b"' % name.encode()) for name in VALUES]

_RAW_JSON = """
from decimal import Decimal
from simplejson import RawJSON

class Own(RawJSON):
    pass

VALUES = [
    RawJSON("12.50"), {"price": [RawJSON("12.50"), Own('{"a": [1]}')]}, {RawJSON("1"): 1}, RawJSON('"\\u00e9 é"'),
    [Decimal("1.50"), RawJSON("null")], [object(), RawJSON("1")],
]

def handler(event, context):
    return VALUES[event]
"""
_RAW_EVENTS = [Event(b"%d" % number) for number in range(6)]

RESULTS = [
    Scenario("results", "results.handler", _EVENTS),
    Scenario("results, standard library", "results.handler", _EVENTS, {"AWSLAMBDARIC_LITE_CODEC": "stdlib"}),
    Scenario("results, orjson", "results.handler", _EVENTS, {"AWSLAMBDARIC_LITE_CODEC": "orjson"}),
    Scenario("results, no heavy imports", "plain_results.handler", [Event(b"%d" % number) for number in range(12)]),
    *(
        Scenario(
            f"raw JSON, {codec}",
            "app.handler",
            _RAW_EVENTS,
            {"AWSLAMBDARIC_LITE_CODEC": codec},
            files={"app.py": _RAW_JSON},
        )
        for codec in ("auto", "stdlib", "orjson")
    ),
    Scenario("large results", "results.large", [Event(b"%d" % size) for size in (10, 70_000, 1_500_000, 1_500_000)]),
]
