"""Queues, and other sources of events than APIs and URLs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..common.json_text import compact
from ..emulator.config.project import OtherSource, Queue, QueueSource
from .errors import WRONG_FORM, Problem, explain
from .functions import names_function
from .intrinsics import as_text
from .resource_types import QUEUE, properties_of
from .stack import Stack

MAPPING = "AWS::Lambda::EventSourceMapping"
# Source: the documentation of `CreateQueue`.
_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
_STREAMS = {"kinesis": "Kinesis", "dynamodb": "DynamoDB", "mq": "MQ", "kafka": "MSK", "rds": "DocumentDB"}
# Where other resources name functions: the kind in SAM's words, and the way to the ARN.
_TARGETS = {
    "AWS::CloudWatch::Alarm": ("CloudWatchAlarm", ("AlarmActions",)),
    "AWS::Cognito::UserPool": ("Cognito", ("LambdaConfig",)),
    "AWS::Events::Rule": ("EventBridgeRule", ("Targets", "Arn")),
    "Custom::S3BucketNotifications": (
        "S3",
        ("NotificationConfiguration", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
    ),
    "AWS::IoT::TopicRule": ("IoTRule", ("TopicRulePayload", "Actions", "Lambda", "FunctionArn")),
    "AWS::Logs::SubscriptionFilter": ("CloudWatchLogs", ("DestinationArn",)),
    "AWS::Pipes::Pipe": ("Pipe", ("Target",)),
    "AWS::S3::Bucket": ("S3", ("NotificationConfiguration", "LambdaConfigurations", "Function")),
    "AWS::SNS::Subscription": ("SNS", ("Endpoint",)),
    "AWS::Scheduler::Schedule": ("ScheduleV2", ("Target", "Arn")),
}


def read_queues(stack: Stack) -> Iterator[Queue]:
    """Yield the queues of a stack."""
    queues = {each.attribute(logical_id, "Arn"): f"{each.prefix}{logical_id}" for each, logical_id in _queues(stack)}
    for logical_id, properties in stack.of_type(QUEUE):
        try:
            values = {key: stack.resolve(properties.get(key)) for key in (*_ATTRIBUTES, "RedrivePolicy")}
            policy = values.pop("RedrivePolicy") or {}
            target = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
            if target is not None and target not in queues:
                stack.note(logical_id, f"its dead-letter queue {target} is not in the project; it is left out")
            yield Queue(
                f"{stack.prefix}{logical_id}",
                stack.queue_name(logical_id),
                {key: as_text(value) for key, value in values.items() if value is not None},
                queues.get(target),
                int(policy.get("maxReceiveCount", 0)) if target in queues else 0,
            )
        except (Problem, *WRONG_FORM) as error:
            stack.note(logical_id, f"the queue is left out: {explain(error)}")


def _queues(stack: Stack) -> Iterator[tuple[Stack, str]]:
    for each in stack.shared.stacks:
        for logical_id, _ in each.of_type(QUEUE):
            yield each, logical_id


def read_sources(stack: Stack, functions: set[str]) -> Iterator[QueueSource | OtherSource]:
    """Yield the event source mappings of a stack, and the other resources that invoke functions of the project."""
    for logical_id, resource in stack.resources.items():
        try:
            if resource.get("Type") == MAPPING:
                yield from _mapping(stack, logical_id, properties_of(resource), functions)
            elif (target := _TARGETS.get(resource.get("Type", ""))) is not None:
                kind, way = target
                if kind == "EventBridgeRule" and "ScheduleExpression" in properties_of(resource):
                    kind = "Schedule"
                for name in _functions_at(stack, properties_of(resource), way, functions):
                    yield OtherSource(f"{stack.prefix}{logical_id}", name, kind)
        except (Problem, *WRONG_FORM) as error:
            stack.note(logical_id, f"it invokes no function here: {explain(error)}")


def _functions_at(stack: Stack, value: Any, way: tuple[str, ...], functions: set[str]) -> list[str]:
    """Return the functions whose ARNs a place has, e.g. `Targets` and in each of them `Arn`."""
    for key in way:
        if isinstance(value, list):
            value = [each[key] for each in value if isinstance(each, dict) and key in each]
        elif isinstance(value, dict) and not any(each.startswith("Fn::") for each in value):
            value = value.get(key)
    resolved = stack.resolve(value)
    texts = resolved.values() if isinstance(resolved, dict) else resolved if isinstance(resolved, list) else [resolved]
    found = [names_function(text) for text in texts if isinstance(text, str) and text.startswith("arn:")]
    return list(dict.fromkeys(each[0] for each in found if each is not None and each[0] in functions))


def _mapping(
    stack: Stack, logical_id: str, properties: dict[str, Any], functions: set[str]
) -> Iterator[QueueSource | OtherSource]:
    values = {key: stack.resolve(properties.get(key)) for key in _SETTINGS if key in properties}
    named = names_function(values.get("FunctionName"))
    if named is None or named[0] not in functions:
        raise Problem(f"FunctionName {values.get('FunctionName')!r} is not a function of the project; correct it")
    name, qualifier = named
    arn = values.get("EventSourceArn")
    path = f"{stack.prefix}{logical_id}"
    service = str(arn).split(":")[2] if str(arn).startswith("arn:") and str(arn).count(":") >= 5 else ""
    if service != "sqs" and not _is_queue(stack, arn):
        yield OtherSource(
            path, name, _STREAMS.get(service, "SelfManagedKafka" if arn is None else "EventSourceMapping")
        )
        return
    queues = {each.attribute(queue, "Arn"): f"{each.prefix}{queue}" for each, queue in _queues(stack)}
    filters = (values.get("FilterCriteria") or {}).get("Filters") or []
    patterns = [each.get("Pattern", {}) for each in filters]
    maximum = (values.get("ScalingConfig") or {}).get("MaximumConcurrency")
    yield QueueSource(
        path,
        name,
        queues.get(str(arn), str(arn)),
        qualifier,
        batch_size=int(values.get("BatchSize", 10)),
        window_s=int(values.get("MaximumBatchingWindowInSeconds", 0)),
        maximum_concurrency=None if maximum is None else int(maximum),
        report_batch_item_failures="ReportBatchItemFailures" in (values.get("FunctionResponseTypes") or []),
        filters=tuple(each if isinstance(each, str) else compact(each) for each in patterns),
        enabled=str(values.get("Enabled", True)).lower() != "false",
    )


def _is_queue(stack: Stack, arn: Any) -> bool:
    """Return whether a placeholder that is not an ARN is that of a queue."""
    return any(arn in (each.ref(queue), f"{queue}.Arn") for each, queue in _queues(stack))


_SETTINGS = (
    "BatchSize",
    "Enabled",
    "EventSourceArn",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "ScalingConfig",
)
