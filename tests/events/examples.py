"""One call of each builder with every id and the time as arguments, so that its event is always the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from awslambdaric_lite import events

Event = dict[str, Any]
TIME = datetime(2020, 3, 12, 19, 3, 58, 390_000, tzinfo=timezone.utc)
TIME_MS = 1584039838390
ID = "e1506fd5-9e7b-434f-bd42-4f8fa224b599"
TRACE = {"x-amzn-trace-id": "Root=1-5e6a87de-3d683b8b04734faae651f476"}

BUILDS: dict[str, Callable[[], Event]] = {
    "alb": lambda: events.alb("POST", "/a?b=c", headers=TRACE, body={"count": 2}, time=TIME),
    "api_gateway_v1": lambda: events.api_gateway_v1("GET", "/orders/7", resource="/{p+}", request_id=ID, time=TIME),
    "api_gateway_v2": lambda: events.api_gateway_v2("GET", "/orders/7", request_id=ID, time=TIME),
    "cloudformation": lambda: events.cloudformation(request_id=ID),
    "cloudwatch_logs": lambda: events.cloudwatch_logs("one", {"two": 2}, time=TIME),
    "cognito": lambda: events.cognito("PostConfirmation"),
    "dynamodb": lambda: events.dynamodb(("INSERT", {"id": 1}, {"name": "Ada"}), event_ids=[ID], time=TIME),
    "eventbridge": lambda: events.eventbridge("Order Shipped", {"order": 7}, id=ID, time=TIME),
    "firehose": lambda: events.firehose("one", b"\x00", invocation_id=ID, time=TIME),
    "function_url": lambda: events.function_url("POST", "/a?b=c", body="hello", request_id=ID, time=TIME),
    "kafka": lambda: events.kafka("one", {"two": 2}, key="k", headers={"h": "v"}, time=TIME),
    "kinesis": lambda: events.kinesis("one", {"two": 2}, sequence_numbers=["1", "2"], time=TIME),
    "msk": lambda: events.msk("one", {"two": 2}, key="k", headers={"h": "v"}, time=TIME),
    "s3": lambda: events.s3("photos", "red flower.jpg", request_id="C3D13FE58DE4C810", time=TIME),
    "scheduled": lambda: events.scheduled(id=ID, time=TIME),
    "ses": lambda: events.ses("Invoice", message_id="o3vrnil0e2ic28tr", time=TIME),
    "sns": lambda: events.sns({"order": 7}, message_attributes={"kind": "order"}, message_id=ID, time=TIME),
    "sqs": lambda: events.sqs("one", {"two": 2}, queue="q.fifo", message_ids=[ID, "second"], time=TIME),
    "websocket": lambda: events.websocket("chat", {"text": "hi"}, connection_id="L0SM9=", request_id="R=", time=TIME),
}
