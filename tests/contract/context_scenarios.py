"""Scenarios about the context: headers, and variables of the environment."""

from __future__ import annotations

from awslambdaric_lite.conformance.messages import Event
from tests.contract.scenario import Scenario

_TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
_CLIENT = "Lambda-Runtime-Client-Context"
_COGNITO = "Lambda-Runtime-Cognito-Identity"

_HEADERS: list[tuple[tuple[str, str], ...]] = [
    (),
    (("Lambda-Runtime-Trace-Id", _TRACE),),
    (),  # which removes the variable
    (("Lambda-Runtime-Trace-Id", ""),),
    (("Lambda-Runtime-Aws-Tenant-Id", "tenant-7"),),
    (("Lambda-Runtime-Invocation-Id", "attempt-1"),),
    (("Lambda-Runtime-Invocation-Id", ""), (_CLIENT, ""), (_COGNITO, ""), ("Lambda-Runtime-Aws-Tenant-Id", "")),
    (("Lambda-Runtime-Deadline-Ms", "1"),),
    (("Lambda-Runtime-Invoked-Function-Arn", ""),),
    ((_CLIENT, "{}"),),
    ((_CLIENT, "null"),),
    ((_CLIENT, '{"client":{"installation_id":"i","app_title":"é","app_package_name":null,"other":1}}'),),
    ((_CLIENT, '{"custom":{"a":[1,2]},"env":{"locale":"de"},"client":{}}'),),
    ((_CLIENT, '{"custom":"text","env":7,"services":{"x":1}}'),),
    ((_CLIENT, '{"client":null}'),),
    ((_CLIENT, ' {"custom": {"blank": true}} '),),
    ((_CLIENT, '{"custom":{"n":NaN,"i":Infinity}}'),),
    ((_CLIENT, '{"w3c":{"traceparent":"00-a-b-01","tracestate":"x=1","baggage":"k=v","other":"no"}}'),),
    ((_CLIENT, '{"w3c":{"traceparent":1,"baggage":"k"},"custom":{"w3c":1}}'),),
    ((_CLIENT, '{"w3c":null}'),),
    ((_CLIENT, '{"w3c":"text"}'),),
    ((_COGNITO, '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}'),),
    ((_COGNITO, '{"cognitoIdentityId":"id"}'),),
    ((_COGNITO, "{}"),),
    ((_COGNITO, "null"),),
    (("Content-Type", "text/plain"), ("Lambda-Runtime-Trace-Id", "Root=é")),
]

_BROKEN: list[tuple[tuple[str, str], ...]] = [
    ((_CLIENT, "{"),),
    ((_CLIENT, "x"),),
    ((_CLIENT, '{"a":1}}'),),
    ((_CLIENT, "{'a':1}"),),
    ((_CLIENT, '{"a":1,}'),),
    ((_CLIENT, '{"a" 1}'),),
    ((_CLIENT, "[1,]"),),
    ((_CLIENT, '"abc'),),
    ((_COGNITO, "{"),),
    ((_COGNITO, "nothing"),),
    ((_CLIENT, "{"), (_COGNITO, "{")),
]

# JSON, but not an object: the official client raises the AttributeError of a missing method of dict.
_NOT_OBJECTS: list[tuple[tuple[str, str], ...]] = [
    ((_CLIENT, "[1]"),),
    ((_CLIENT, "7"),),
    ((_CLIENT, '"text"'),),
    ((_CLIENT, '{"client":"text"}'),),
    ((_CLIENT, '{"client":[1]}'),),
    ((_CLIENT, '{"client":0}'),),
    ((_COGNITO, "[1]"),),
    ((_COGNITO, "true"),),
]


def _events(table: list[tuple[tuple[str, str], ...]]) -> list[Event]:
    return [Event(headers=headers) for headers in table]


CONTEXTS = [
    Scenario("context", "contexts.handler", _events(_HEADERS)),
    Scenario("context, broken headers", "contexts.handler", [*_events(_BROKEN), Event()]),
    Scenario(
        "context, headers that are not objects",
        "contexts.handler",
        [*_events(_NOT_OBJECTS), Event()],
        client_frames=True,
    ),
    Scenario(
        "context, bare environment",
        "contexts.handler",
        [Event()],
        {
            "AWS_LAMBDA_FUNCTION_NAME": None,
            "AWS_LAMBDA_FUNCTION_VERSION": None,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": None,
            "AWS_LAMBDA_LOG_GROUP_NAME": None,
            "AWS_LAMBDA_LOG_STREAM_NAME": "",
            "_X_AMZN_TRACE_ID": "from outside",
        },
    ),
    Scenario("context, environment changed by the handler", "contexts.changing_handler", [Event(), Event()]),
    Scenario("environment", "contexts.environment", [Event(), Event(headers=(("Lambda-Runtime-Trace-Id", _TRACE),))]),
    Scenario("environment, framed", "contexts.environment", telemetry=True),
    Scenario("context, attributes", "contexts.using_handler", [Event(), Event(headers=((_CLIENT, "{}"),))]),
]
