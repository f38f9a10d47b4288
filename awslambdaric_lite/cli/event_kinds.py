"""The kinds of events on the command line: what each is called, and which options it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import events
from .event_options import CONTENT, IntoDict, Options, content, is_json, item, json_object, text_content

Event = dict[str, Any]
Build = Callable[..., Event]


class Kind(NamedTuple):
    """A kind of event; `declare` returns what is called with the options that were given."""

    name: str
    summary: str
    builder: Build
    declare: Callable[[Options], Build]
    aliases: tuple[str, ...] = ()


def _api_gateway_v1(options: Options) -> Build:
    _http_request(options)
    options.option("--resource", "PATH", "the resource, such as /orders/{id}; default: PATH")
    _api(options)
    options.pairs("--stage-variable", "a stage variable", "stage_variables", IntoDict)
    options.option("--request-id", "ID", "the request's id")
    return _with_json_label(events.api_gateway_v1)


def _api_gateway_v2(options: Options) -> Build:
    _http_request(options)
    options.option("--route-key", "ROUTE", "the route, such as 'GET /orders/{id}'")
    _api(options)
    options.pairs("--stage-variable", "a stage variable", "stage_variables", IntoDict)
    options.option("--request-id", "ID", "the request's id")
    return _with_json_label(events.api_gateway_v2)


def _function_url(options: Options) -> Build:
    _http_request(options)
    options.option("--authorizer", "JSON", 'of authentication by AWS_IAM: {"iam": {…}}', type=json_object)
    options.option("--request-id", "ID", "the request's id")
    return _with_json_label(events.function_url)


def _alb(options: Options) -> Build:
    _http_request(options)
    options.switch("--multi-value", "the target group has multi-value headers enabled")
    options.option("--target-group", "ARN", "the target group")
    return _with_json_label(events.alb)


def _websocket(options: Options) -> Build:
    options.positional("route_key", "ROUTE", "$connect, $disconnect or a message's route", nargs="?")
    options.positional("body", "BODY", f"the message: {CONTENT}", nargs="?", type=content)
    _connection(options)
    _api(options)
    options.option("--connection-id", "ID", "the connection; give the same for all its events")
    options.option("--disconnect-code", "N", "the close frame's status", type=int)
    options.option("--disconnect-reason", "TEXT", "the close frame's reason")
    options.option("--request-id", "ID", "the request's id")
    return events.websocket


def _sqs(options: Options) -> Build:
    options.positional("bodies", "BODY", f"a message: {CONTENT}", nargs="+", type=text_content)
    options.option("--queue", "NAME", "the queue; NAME.fifo for a FIFO queue")
    options.option("--group-id", "ID", "the messages' group")
    options.pairs("--attribute", "a message attribute", "message_attributes", IntoDict)
    options.option("--receive-count", "N", "how often the messages were received", type=int)
    options.option("--message-id", "ID", "one for each message", dest="message_ids", action="append")
    return lambda bodies, **given: events.sqs(*bodies, **given)


def _sns(options: Options) -> Build:
    options.positional("message", "MESSAGE", CONTENT, type=text_content)
    options.option("--subject", "TEXT", "the subject")
    options.option("--topic", "NAME", "the topic")
    options.pairs("--attribute", "a message attribute", "message_attributes", IntoDict)
    options.option("--message-id", "ID", "the message's id")
    return events.sns


def _s3(options: Options) -> Build:
    options.positional("bucket", "BUCKET", "the bucket")
    options.positional("key", "KEY", "the object's key as it is; the event has it URL-encoded")
    options.option("--event", "TYPE", "such as ObjectRemoved:Delete")
    options.option("--size", "BYTES", "the object's size", type=int)
    options.option("--etag", "HEX", "the object's ETag")
    options.option("--version-id", "ID", "the object's version")
    options.option("--configuration-id", "NAME", "the notification's configuration")
    options.option("--source-ip", "IP", "the address of the request to S3")
    options.option("--request-id", "ID", "the id of the request to S3")
    return events.s3


def _dynamodb(options: Options) -> Build:
    options.positional("change", "CHANGE", "INSERT, MODIFY or REMOVE", type=str.upper)
    options.option("--keys", "JSON", "the item's keys as plain JSON, or @FILE", type=item, required=True)
    options.option("--new", "JSON", "the new item (INSERT, MODIFY); it has the keys already", type=item)
    options.option("--old", "JSON", "the old item (MODIFY, REMOVE); it has the keys already", type=item)
    options.option("--table", "NAME", "the table")
    options.option("--view-type", "VIEW", "KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or both")
    return _build_dynamodb


def _build_dynamodb(
    *, change: str, keys: Event, new: Event | None = None, old: Event | None = None, **given: Any
) -> Event:
    if change == "INSERT" and old is not None:
        raise ValueError("INSERT has no old item; leave --old out")
    if change == "REMOVE" and new is not None:
        raise ValueError("REMOVE has no new item; leave --new out")
    if change == "MODIFY":
        return events.dynamodb((change, keys, new or {}, old or {}), **given)
    return events.dynamodb((change, keys, new or old or {}), **given)


def _kinesis(options: Options) -> Build:
    options.positional("data", "DATA", f"a record: {CONTENT}", nargs="+", type=content)
    options.option("--stream", "NAME", "the data stream")
    options.option("--partition-key", "KEY", "the records' partition key")
    options.option("--shard", "N", "the shard's number", type=int)
    options.option("--sequence-number", "N", "one for each record", dest="sequence_numbers", action="append")
    return lambda data, **given: events.kinesis(*data, **given)


def _firehose(options: Options) -> Build:
    options.positional("data", "DATA", f"a record: {CONTENT}", nargs="+", type=content)
    options.option("--stream", "NAME", "the delivery stream")
    options.option("--invocation-id", "ID", "the invocation's id")
    return lambda data, **given: events.firehose(*data, **given)


def _kafka(options: Options) -> Build:
    _records(options)
    options.option("--bootstrap-server", "HOST:PORT", "a broker; repeatable", dest="bootstrap_servers", action="append")
    return lambda values, **given: events.kafka(*values, **given)


def _msk(options: Options) -> Build:
    _records(options)
    options.option("--cluster", "NAME", "the cluster")
    return lambda values, **given: events.msk(*values, **given)


def _eventbridge(options: Options) -> Build:
    options.positional("detail_type", "DETAIL_TYPE", "such as 'Order Shipped'")
    options.option("--detail", "JSON", "the event's object, or @FILE", type=json_object)
    options.option("--source", "NAME", "who sent the event")
    options.option("--resource", "ARN", "repeatable", dest="resources", action="append")
    options.option("--id", "ID", "the event's id")
    return events.eventbridge


def _scheduled(options: Options) -> Build:
    options.positional("name", "NAME", "the rule or schedule", nargs="?")
    options.switch("--scheduler", "a schedule of EventBridge Scheduler instead of a rule")
    options.option("--id", "ID", "the event's id")
    return events.scheduled


def _cognito(options: Options) -> Build:
    options.positional("trigger", "TRIGGER", "such as PostConfirmation or PreSignUp_AdminCreateUser", nargs="?")
    options.option("--user-name", "NAME", "the user")
    options.pairs("--user-attribute", "an attribute of the user", "user_attributes", IntoDict)
    options.pairs("--client-metadata", "what the application sent along", "client_metadata", IntoDict)
    options.option("--request", "JSON", "other values for fields of this trigger's request, or @FILE", type=json_object)
    options.option("--trigger-version", "N", "of the TokenGeneration event: 1, 2 or 3; default: 1")
    options.option("--client-id", "ID", "the application")
    options.option("--user-pool-id", "ID", "the user pool")
    # Not `--version`, which is the command's own.
    return lambda trigger_version="1", **given: events.cognito(version=trigger_version, **given)


def _cloudwatch_logs(options: Options) -> Build:
    options.positional("messages", "MESSAGE", f"a log event: {CONTENT}", nargs="+", type=text_content)
    options.option("--log-group", "NAME", "the log group")
    options.option("--log-stream", "NAME", "the log stream")
    options.option("--subscription-filter", "NAME", "the subscription filter")
    return lambda messages, **given: events.cloudwatch_logs(*messages, **given)


def _cloudformation(options: Options) -> Build:
    options.positional("request_type", "REQUEST", "Create, Update or Delete", nargs="?", type=str.capitalize)
    options.option("--properties", "JSON", "the resource's properties, or @FILE", type=json_object)
    options.option("--old-properties", "JSON", "those before an update, or @FILE", type=json_object)
    options.option("--physical-resource-id", "ID", "the existing resource (Update, Delete)")
    options.option("--resource-type", "TYPE", "the resource's type")
    options.option("--logical-resource-id", "NAME", "the resource's name in the template")
    options.option("--stack", "NAME", "the stack")
    options.option("--function-name", "NAME", "the function")
    options.option("--response-url", "URL", "where the function PUTs its answer; give one of yours to see it")
    options.option("--request-id", "ID", "the request's id")
    return events.cloudformation


def _ses(options: Options) -> Build:
    options.positional("subject", "SUBJECT", "of the mail", nargs="?")
    options.option("--sender", "ADDRESS", "who sent it")
    options.option("--recipient", "ADDRESS", "who gets it; repeatable", dest="recipients", action="append")
    options.pairs("--header", "another header", "headers", IntoDict)
    options.pairs("--verdict", "of a check: spam, virus, spf, dkim or dmarc, such as spam=FAIL", "verdicts", IntoDict)
    options.option("--function-name", "NAME", "the function")
    options.option("--message-id", "ID", "the mail's id")
    return events.ses


def _http_request(options: Options) -> None:
    options.positional("method", "METHOD", "of the request", nargs="?", type=str.upper)
    options.positional("path", "PATH", "as in the URL, with or without a query", nargs="?")
    options.option("--body", "BODY", f"{CONTENT}; JSON is labelled so unless a header says otherwise", type=content)
    options.option("--cookie", "K=V", "a cookie; repeatable", dest="cookies", action="append")
    _connection(options)


def _connection(options: Options) -> None:
    options.pairs("--query", "a query parameter", "query")
    options.pairs("--header", "a header", "headers")
    options.option("--source-ip", "IP", "the client's address")
    options.option("--user-agent", "TEXT", "the client's User-Agent")
    options.option("--domain", "NAME", "the host that the request is for")


def _api(options: Options) -> None:
    options.option("--stage", "NAME", "the API's stage")
    options.option("--api-id", "ID", "the API's id")
    options.option("--authorizer", "JSON", "what the authorizer says, or @FILE", type=json_object)


def _records(options: Options) -> None:
    options.positional("values", "VALUE", f"a record: {CONTENT}", nargs="+", type=content)
    options.option("--topic", "NAME", "the topic")
    options.option("--key", "KEY", f"the records' key: {CONTENT}", type=content)
    options.pairs("--header", "a header of the records", "headers", IntoDict)
    options.option("--partition", "N", "the partition", type=int)
    options.option("--offset", "N", "the first record's offset", type=int)


def _with_json_label(builder: Build) -> Build:
    def build(*, body: str | bytes | None = None, headers: list[tuple[str, str]] | None = None, **given: Any) -> Event:
        lines = headers or []
        labelled = any(name.lower() == "content-type" for name, _ in lines)
        if isinstance(body, str) and not labelled and is_json(body):
            lines = [*lines, ("Content-Type", "application/json")]
        return builder(body=body, headers=lines, **given)

    return build


KINDS = (
    Kind("apigw-v1", "a request to an API Gateway REST API", events.api_gateway_v1, _api_gateway_v1, ("rest-api",)),
    Kind("apigw-v2", "a request to an API Gateway HTTP API", events.api_gateway_v2, _api_gateway_v2, ("http-api",)),
    Kind("function-url", "a request to a Lambda function URL", events.function_url, _function_url),
    Kind("alb", "a request through an Application Load Balancer", events.alb, _alb),
    Kind("websocket", "a message on an API Gateway WebSocket", events.websocket, _websocket),
    Kind("sqs", "messages from an SQS queue", events.sqs, _sqs),
    Kind("sns", "a notification from an SNS topic", events.sns, _sns),
    Kind("s3", "a notification about an object in S3", events.s3, _s3),
    Kind("dynamodb", "a change in a DynamoDB table's stream", events.dynamodb, _dynamodb),
    Kind("kinesis", "records of a Kinesis data stream", events.kinesis, _kinesis),
    Kind("firehose", "records for Data Firehose to transform", events.firehose, _firehose),
    Kind("kafka", "records of a self-managed Kafka topic", events.kafka, _kafka),
    Kind("msk", "records of an Amazon MSK topic", events.msk, _msk),
    Kind("eventbridge", "an event from an EventBridge bus", events.eventbridge, _eventbridge),
    Kind("scheduled", "a schedule's event", events.scheduled, _scheduled),
    Kind("cognito", "a trigger of a Cognito user pool", events.cognito, _cognito),
    Kind("cloudwatch-logs", "log events from a CloudWatch Logs subscription", events.cloudwatch_logs, _cloudwatch_logs),
    Kind("cloudformation", "a CloudFormation custom resource's request", events.cloudformation, _cloudformation),
    Kind("ses", "a mail received by SES", events.ses, _ses),
)
