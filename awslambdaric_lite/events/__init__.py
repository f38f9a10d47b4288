"""Events as AWS services send them, built from a few arguments.

Owns the public names. Each function returns a dict that `json.dumps` accepts. Ids and times are new in each event; with
every id and the time as arguments, an event is always the same. An argument that AWS would not send raises ValueError,
and a content that the service cannot carry raises TypeError; the message says what to change.

    from awslambdaric_lite import events

    events.sqs("hello", {"order": 7})
    events.function_url("POST", "/orders", body={"count": 2})
"""

from __future__ import annotations

from .custom_resource import cloudformation
from .data_streams import firehose, kinesis
from .dynamodb_stream import dynamodb
from .event_bus import eventbridge, scheduled
from .http_api import api_gateway_v2, function_url
from .kafka_topic import kafka, msk
from .load_balancer import alb
from .log_subscription import cloudwatch_logs
from .mail import ses
from .messaging import sns, sqs
from .object_storage import s3
from .rest_api import api_gateway_v1
from .user_pool import cognito
from .websocket_api import websocket

__all__ = [
    "alb",
    "api_gateway_v1",
    "api_gateway_v2",
    "cloudformation",
    "cloudwatch_logs",
    "cognito",
    "dynamodb",
    "eventbridge",
    "firehose",
    "function_url",
    "kafka",
    "kinesis",
    "msk",
    "s3",
    "scheduled",
    "ses",
    "sns",
    "sqs",
    "websocket",
]
