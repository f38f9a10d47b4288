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
    "alexa": lambda: events.alexa("Answer", slots={"Answer": "1"}, session_id=ID, request_id=ID, time=TIME),
    "alexa_smart_home": lambda: events.alexa_smart_home("Alexa.PowerController.TurnOn", message_id=ID),
    "api_gateway_v1": lambda: events.api_gateway_v1("GET", "/orders/7", resource="/{p+}", request_id=ID, time=TIME),
    "api_gateway_v2": lambda: events.api_gateway_v2("GET", "/orders/7", request_id=ID, time=TIME),
    "appsync": lambda: events.appsync("createPost", {"title": "Hello"}, identity={"sub": "7"}),
    "authorizer_token": lambda: events.authorizer_token("Bearer x", "GET", "/orders/7"),
    "authorizer_v1": lambda: events.authorizer_v1("GET", "/orders/7", request_id=ID, time=TIME),
    "authorizer_v2": lambda: events.authorizer_v2(
        "GET",
        "/orders/7?page=2",
        route_key="GET /orders/{id}",
        identity_source=["Bearer x"],
        cookies={"a": "b"},
        stage_variables={"table": "orders"},
        request_id=ID,
        time=TIME,
    ),
    "cloudfront": lambda: events.cloudfront("GET", "/a?b=c", event_type="origin-response", request_id=ID),
    "cloudformation": lambda: events.cloudformation(request_id=ID),
    "cloudwatch_logs": lambda: events.cloudwatch_logs("one", {"two": 2}, time=TIME),
    "codecommit": lambda: events.codecommit("shop", event_id=ID, time=TIME),
    "codepipeline": lambda: events.codepipeline({"stage": "prod"}, job_id=ID),
    "cognito": lambda: events.cognito("PostConfirmation"),
    "config_rule": lambda: events.config_rule(result_token=ID, time=TIME),
    "connect": lambda: events.connect(parameters={"menu": "sales"}, contact_id=ID),
    "dynamodb": lambda: events.dynamodb(("INSERT", {"id": 1}, {"name": "Ada"}), event_ids=[ID], time=TIME),
    "eventbridge": lambda: events.eventbridge("Order Shipped", {"order": 7}, id=ID, time=TIME),
    "firehose": lambda: events.firehose("one", b"\x00", invocation_id=ID, time=TIME),
    "function_url": lambda: events.function_url("POST", "/a?b=c", body="hello", request_id=ID, time=TIME),
    "kafka": lambda: events.kafka("one", {"two": 2}, key="k", headers={"h": "v"}, time=TIME),
    "kinesis": lambda: events.kinesis("one", {"two": 2}, sequence_numbers=["1", "2"], time=TIME),
    "lex": lambda: events.lex(slots={"City": "Berlin", "Nights": ""}, session_id="7", request_id=ID),
    "msk": lambda: events.msk("one", {"two": 2}, key="k", headers={"h": "v"}, time=TIME),
    "s3": lambda: events.s3("photos", "red flower.jpg", request_id="C3D13FE58DE4C810", time=TIME),
    "s3_batch": lambda: events.s3_batch("red flower.jpg", "b", job_id=ID, invocation_id=ID),
    "scheduled": lambda: events.scheduled(id=ID, time=TIME),
    "ses": lambda: events.ses("Invoice", message_id="o3vrnil0e2ic28tr", time=TIME),
    "sns": lambda: events.sns({"order": 7}, message_attributes={"kind": "order"}, message_id=ID, time=TIME),
    "sqs": lambda: events.sqs("one", {"two": 2}, queue="q.fifo", message_ids=[ID, "second"], time=TIME),
    "step_functions_error": lambda: events.step_functions_error("ValueError", {"errorMessage": "no order"}),
    "websocket": lambda: events.websocket("chat", {"text": "hi"}, connection_id="L0SM9=", request_id="R=", time=TIME),
    "workmail": lambda: events.workmail("Invoice", message_id=ID, invocation_id=ID),
}
