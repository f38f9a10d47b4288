"""Events as AWS services send them, built from a few arguments.

Owns the public names. Each function returns a dict that `json.dumps` accepts. Ids and times are new in each event; with
every id and the time as arguments, an event is always the same. An argument that AWS would not send raises ValueError,
and a content that the service cannot carry raises TypeError; the message says what to change.

    from awslambdaric_lite import events

    events.sqs("hello", {"order": 7})
    events.function_url("POST", "/orders", body={"count": 2})
"""

from __future__ import annotations

from .api_authorizer import authorizer_token, authorizer_v1, authorizer_v2
from .conversation import alexa, alexa_smart_home, connect, lex
from .custom_resource import cloudformation
from .data_streams import firehose, kinesis
from .delivery import codecommit, codepipeline, config_rule, step_functions_error
from .dynamodb_stream import dynamodb
from .edge import cloudfront
from .event_bus import eventbridge, scheduled
from .graph_api import appsync
from .http_api import api_gateway_v2, function_url
from .kafka_topic import kafka, msk
from .load_balancer import alb
from .log_subscription import cloudwatch_logs
from .mail import ses, workmail
from .messaging import sns, sqs
from .object_storage import s3, s3_batch
from .rest_api import api_gateway_v1
from .user_pool import cognito
from .websocket_api import websocket

__all__ = [
    "alb",
    "alexa",
    "alexa_smart_home",
    "api_gateway_v1",
    "api_gateway_v2",
    "appsync",
    "authorizer_token",
    "authorizer_v1",
    "authorizer_v2",
    "cloudformation",
    "cloudfront",
    "cloudwatch_logs",
    "codecommit",
    "codepipeline",
    "cognito",
    "config_rule",
    "connect",
    "dynamodb",
    "eventbridge",
    "firehose",
    "function_url",
    "kafka",
    "kinesis",
    "lex",
    "msk",
    "s3",
    "s3_batch",
    "scheduled",
    "ses",
    "sns",
    "sqs",
    "step_functions_error",
    "websocket",
    "workmail",
]
