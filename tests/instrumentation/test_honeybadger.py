"""honeybadger's AWS Lambda plug-in replaces `handle_event_request` of `__main__.bootstrap`."""

from __future__ import annotations

import json

from awslambdaric_lite.conformance.messages import Event
from tests.instrumentation.collector import Collector
from tests.instrumentation.launchers import every_runtime, require, run

EVENTS = (Event(b'{"a": 1}'), Event(b'{"fail": "it"}'), Event(b'{"b": 2}'))


@every_runtime
def test_honeybadger_reports_handler_error(runtime: str) -> None:
    """The exception of a handler is reported with its event, and its error is posted."""
    require("honeybadger", "honeybadger")
    with Collector() as collector:
        result = run(runtime, "with_honeybadger.handler", EVENTS, env={"COLLECTOR": collector.address})
        (notice,) = [delivery.values[0] for delivery in collector.deliveries if "notices" in delivery.path]
    assert (notice["error"]["class"], notice["error"]["message"]) == ("ValueError", "failed on purpose")
    assert notice["request"]["params"] == {"event": {"fail": "it"}}
    assert notice["request"]["component"] == "function"
    assert [reply.verb for reply in result.replies] == ["response", "error", "response"]
    error = json.loads(result.replies[1].body)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "failed on purpose")
    assert error["stackTrace"][-1].count("with_honeybadger.py") == 1
    assert result.ended_by_test
