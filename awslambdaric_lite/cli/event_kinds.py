"""The kinds of events on the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import events
from ..events.dynamodb_stream import Item
from ..events.shared import ACCOUNT, REGION, Content, Event, When
from .event_options import is_json


class Kind(NamedTuple):
    """A kind of event: its name, the function that builds it, other names, and a note for the help."""

    name: str
    build: Callable[..., Event]
    aliases: tuple[str, ...] = ()
    note: str = ""

    @property
    def summary(self) -> str:
        """What the function returns, from its docstring, which Python removes under -OO."""
        first = (self.build.__doc__ or f"Return a {self.name} event.").partition("\n")[0]
        return first.removeprefix("Return ").removesuffix(".")


def _http(name: str, builder: Callable[..., Event], *aliases: str) -> Kind:
    """Return a kind that labels a JSON body of the command line, which is text for the builder."""

    @functools.wraps(builder)
    def build(*, body: Content = None, headers: list[tuple[str, str]] | None = None, **given: Any) -> Event:
        lines = headers or []
        is_labelled = any(name.lower() == "content-type" for name, _ in lines)
        if isinstance(body, str) and not is_labelled and is_json(body):
            lines = [*lines, ("Content-Type", "application/json")]
        return builder(body=body, headers=lines, **given)

    note = "A JSON body gets the content type application/json unless --header sets another."
    return Kind(name, build, aliases, note)


@functools.wraps(events.cloudformation)
def _cloudformation(request_type: str = "Create", **given: Any) -> Event:
    return events.cloudformation(request_type.capitalize(), **given)


def dynamodb(
    change: str,
    *,
    keys: Item,
    new: Item | None = None,
    old: Item | None = None,
    table: str = "my-table",
    view_type: str = "NEW_AND_OLD_IMAGES",
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return a change in the stream of a DynamoDB table.

    Args:
        change: kind of change: INSERT, MODIFY or REMOVE.
        keys: keys of the item.
        new: new item (INSERT, MODIFY), to which the keys are added. Default: only the keys.
        old: old item (MODIFY, REMOVE), to which the keys are added. Default: only the keys.
        table: name of the table.
        view_type: images in the stream: NEW_AND_OLD_IMAGES, NEW_IMAGE, OLD_IMAGE or KEYS_ONLY.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now.
    """
    kind = change.upper()
    if kind == "INSERT" and old is not None:
        raise ValueError("INSERT has no old item; leave --old out")
    if kind == "REMOVE" and new is not None:
        raise ValueError("REMOVE has no new item; leave --new out")
    images = (new or {}, old or {}) if kind == "MODIFY" else (new or old or {},)
    described: Any = (kind, keys, *images)
    return events.dynamodb(described, table=table, view_type=view_type, account=account, region=region, time=time)


KINDS = (
    _http("apigw-v1", events.api_gateway_v1, "rest-api"),
    _http("apigw-v2", events.api_gateway_v2, "http-api"),
    _http("function-url", events.function_url),
    _http("alb", events.alb),
    Kind("websocket", events.websocket),
    Kind("authorizer-token", events.authorizer_token),
    Kind("authorizer-v1", events.authorizer_v1),
    Kind("authorizer-v2", events.authorizer_v2),
    Kind("cloudfront", events.cloudfront),
    Kind("appsync", events.appsync),
    Kind("sqs", events.sqs),
    Kind("sns", events.sns),
    Kind("s3", events.s3),
    Kind("s3-batch", events.s3_batch),
    Kind("dynamodb", dynamodb),
    Kind("kinesis", events.kinesis),
    Kind("firehose", events.firehose),
    Kind("kafka", events.kafka),
    Kind("msk", events.msk),
    Kind("eventbridge", events.eventbridge),
    Kind("scheduled", events.scheduled),
    Kind("cognito", events.cognito),
    Kind("cloudwatch-logs", events.cloudwatch_logs),
    Kind("cloudformation", _cloudformation),
    Kind("ses", events.ses),
    Kind("workmail", events.workmail),
    Kind("alexa", events.alexa),
    Kind("alexa-smart-home", events.alexa_smart_home),
    Kind("lex", events.lex),
    Kind("connect", events.connect),
    Kind("codepipeline", events.codepipeline),
    Kind("codecommit", events.codecommit),
    Kind("config-rule", events.config_rule),
    Kind("stepfunctions", events.step_functions_error),
)
