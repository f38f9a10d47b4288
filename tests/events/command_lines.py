"""Command lines of `awslambdaric-lite event`, each with the same call of a builder."""

from __future__ import annotations

from collections.abc import Callable

from awslambdaric_lite import events

from .examples import ID, TIME, Event

AT = ["--time", "2020-03-12T19:03:58.390Z"]

SAME: list[tuple[list[str], Callable[[], Event]]] = [
    (
        ["apigw-v1", "post", "/orders/7?a=1", "--resource", "/orders/{id}", "--header", "A=b", "--request-id", ID, *AT],
        lambda: events.api_gateway_v1(
            "POST", "/orders/7?a=1", resource="/orders/{id}", headers=[("A", "b")], request_id=ID, time=TIME
        ),
    ),
    (
        [
            "http-api",
            "GET",
            "/a",
            "--stage",
            "dev",
            "--authorizer",
            '{"jwt": {"claims": {}}}',
            "--request-id",
            "R",
            *AT,
        ],
        lambda: events.api_gateway_v2(
            "GET", "/a", stage="dev", authorizer={"jwt": {"claims": {}}}, request_id="R", time=TIME
        ),
    ),
    (
        ["function-url", "--query", "a=1", "--query", "a=2 3", "--cookie", "x=y=z", "--request-id", ID, *AT],
        lambda: events.function_url(query=[("a", "1"), ("a", "2 3")], cookies=["x=y=z"], request_id=ID, time=TIME),
    ),
    (
        ["function-url", "--protocol", "HTTP/2", "--request-id", ID, *AT],
        lambda: events.function_url(protocol="HTTP/2", request_id=ID, time=TIME),
    ),
    (
        ["alb", "--multi-value", "--header", "x-amzn-trace-id=Root=1", "--target-group", "arn:x"],
        lambda: events.alb(multi_value=True, headers={"x-amzn-trace-id": "Root=1"}, target_group="arn:x"),
    ),
    (
        ["authorizer-token", "Bearer x", "post", "/orders/7", "--stage", "dev"],
        lambda: events.authorizer_token("Bearer x", "post", "/orders/7", stage="dev"),
    ),
    (
        ["authorizer-v1", "GET", "/orders/7", "--header", "Authorization=x", "--request-id", ID, *AT],
        lambda: events.authorizer_v1("GET", "/orders/7", headers=[("Authorization", "x")], request_id=ID, time=TIME),
    ),
    (
        ["authorizer-v2", "--identity-source", "a", "--identity-source", "b", "--request-id", "R", *AT],
        lambda: events.authorizer_v2(identity_source=["a", "b"], request_id="R", time=TIME),
    ),
    (
        ["cloudfront", "--event-type", "origin-response", "--response-header", "Vary=*", "--request-id", "R"],
        lambda: events.cloudfront(event_type="origin-response", response_headers=[("Vary", "*")], request_id="R"),
    ),
    (
        ["appsync", "createPost", "--arguments", '{"a": 1}', "--parent-type", "Mutation", "--selection", "id"],
        lambda: events.appsync("createPost", {"a": 1}, parent_type="Mutation", selections=["id"]),
    ),
    (
        ["s3-batch", "a", "b", "--bucket", "photos", "--user-argument", "k=v", "--job-id", ID, "--invocation-id", ID],
        lambda: events.s3_batch("a", "b", bucket="photos", user_arguments={"k": "v"}, job_id=ID, invocation_id=ID),
    ),
    (
        [
            "alexa",
            "Answer",
            "--slot",
            "Answer=1",
            "--attributes",
            '{"a": 1}',
            "--session-id",
            "S",
            "--request-id",
            "R",
            *AT,
        ],
        lambda: events.alexa(
            "Answer", slots={"Answer": "1"}, attributes={"a": 1}, session_id="S", request_id="R", time=TIME
        ),
    ),
    (
        ["alexa-smart-home", "Alexa.PowerController.TurnOn", "--endpoint-id", "lamp", "--message-id", ID],
        lambda: events.alexa_smart_home("Alexa.PowerController.TurnOn", endpoint_id="lamp", message_id=ID),
    ),
    (
        ["lex", "BookHotel", "--slot", "City=Berlin", "--slot", "Nights=", "--session-id", "7", "--request-id", ID],
        lambda: events.lex("BookHotel", slots={"City": "Berlin", "Nights": ""}, session_id="7", request_id=ID),
    ),
    (
        ["connect", "--parameter", "menu=sales", "--attribute", "a=b", "--contact-id", ID],
        lambda: events.connect(parameters={"menu": "sales"}, attributes={"a": "b"}, contact_id=ID),
    ),
    (
        ["codepipeline", '{"stage": "prod"}', "--input-key", "a.zip", "--job-id", ID],
        lambda: events.codepipeline('{"stage": "prod"}', input_key="a.zip", job_id=ID),
    ),
    (
        ["codecommit", "shop", "--ref", "refs/heads/a", "--event-id", ID, *AT],
        lambda: events.codecommit("shop", ref="refs/heads/a", event_id=ID, time=TIME),
    ),
    (
        ["config-rule", "AWS::S3::Bucket", "--configuration", "{}", "--parameter", "a=b", "--result-token", "t", *AT],
        lambda: events.config_rule("AWS::S3::Bucket", {}, parameters={"a": "b"}, result_token="t", time=TIME),
    ),
    (["stepfunctions", "E", "why"], lambda: events.step_functions_error("E", "why")),
    (
        [
            "workmail",
            "Invoice",
            "--recipient",
            "a@example.org",
            "--truncated",
            "--message-id",
            "m",
            "--invocation-id",
            "i",
        ],
        lambda: events.workmail(
            "Invoice", recipients=["a@example.org"], truncated=True, message_id="m", invocation_id="i"
        ),
    ),
    (
        ["websocket", "chat", "hello", "--connection-id", "C", "--request-id", "R", *AT],
        lambda: events.websocket("chat", "hello", connection_id="C", request_id="R", time=TIME),
    ),
    (
        ["sqs", "hello", "world", "--message-id", "1", "--message-id", "2", "--attribute", "a=b", *AT],
        lambda: events.sqs("hello", "world", message_ids=["1", "2"], message_attributes={"a": "b"}, time=TIME),
    ),
    (
        ["sns", "hello", "--subject", "s", "--topic", "t", "--message-id", ID, "--region", "eu-west-1", *AT],
        lambda: events.sns("hello", subject="s", topic="t", message_id=ID, region="eu-west-1", time=TIME),
    ),
    (
        ["s3", "photos", "red flower.jpg", "--event", "ObjectCreated:Copy", "--size", "7", "--request-id", "R", *AT],
        lambda: events.s3("photos", "red flower.jpg", event="ObjectCreated:Copy", size=7, request_id="R", time=TIME),
    ),
    (
        ["cloudwatch-logs", "one", "two", "--log-group", "g", "--account", "111122223333", *AT],
        lambda: events.cloudwatch_logs("one", "two", log_group="g", account="111122223333", time=TIME),
    ),
    (
        ["kinesis", "a", "b", "--sequence-number", "1", "--sequence-number", "2", "--shard", "3", *AT],
        lambda: events.kinesis("a", "b", sequence_numbers=["1", "2"], shard=3, time=TIME),
    ),
    (["firehose", "a", "--invocation-id", ID, *AT], lambda: events.firehose("a", invocation_id=ID, time=TIME)),
    (
        ["kafka", "a", "--bootstrap-server", "h:1", "--key", "k", "--header", "h=v", "--partition", "3", *AT],
        lambda: events.kafka("a", bootstrap_servers=("h:1",), key="k", headers={"h": "v"}, partition=3, time=TIME),
    ),
    (["msk", "a", "--cluster", "c", "--offset", "9", *AT], lambda: events.msk("a", cluster="c", offset=9, time=TIME)),
    (
        ["eventbridge", "Shipped", "--detail", '{"a": 1.5}', "--resource", "arn:a", "--id", ID, *AT],
        lambda: events.eventbridge("Shipped", {"a": 1.5}, resources=["arn:a"], id=ID, time=TIME),
    ),
    (
        ["scheduled", "nightly", "--scheduler", "--id", ID, *AT],
        lambda: events.scheduled("nightly", scheduler=True, id=ID, time=TIME),
    ),
    (
        ["cognito", "PreSignUp_SignUp", "--user-attribute", "custom:plan=free", "--request", '{"validationData": {}}'],
        lambda: events.cognito(
            "PreSignUp_SignUp", user_attributes={"custom:plan": "free"}, request={"validationData": {}}
        ),
    ),
    (
        ["cognito", "TokenGeneration", "--trigger-version", "2"],
        lambda: events.cognito("TokenGeneration", version="2"),
    ),
    (
        ["cloudformation", "update", "--properties", '{"N": 1}', "--old-properties", "{}", "--request-id", ID],
        lambda: events.cloudformation("Update", {"N": 1}, old_properties={}, request_id=ID),
    ),
    (
        ["ses", "Invoice", "--recipient", "a@example.org", "--verdict", "spam=FAIL", "--message-id", "m", *AT],
        lambda: events.ses(
            "Invoice", recipients=["a@example.org"], verdicts={"spam": "FAIL"}, message_id="m", time=TIME
        ),
    ),
]
