"""Types of resources, and what follows from a type alone."""

from __future__ import annotations

import hashlib
import re
from typing import Any

FUNCTION = "AWS::Lambda::Function"
VERSION = "AWS::Lambda::Version"
ALIAS = "AWS::Lambda::Alias"
LAYER = "AWS::Lambda::LayerVersion"
QUEUE = "AWS::SQS::Queue"
HTTP_API = "AWS::ApiGatewayV2::Api"
REST_API = "AWS::ApiGateway::RestApi"


NAMED = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "table/", "name"),
    "AWS::DynamoDB::GlobalTable": ("TableName", "dynamodb", "table/", "name"),
    "AWS::Events::EventBus": ("Name", "events", "event-bus/", "name"),
    "AWS::IAM::Role": ("RoleName", "iam", "role/", "name"),
    "AWS::Kinesis::Stream": ("Name", "kinesis", "stream/", "name"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs", "log-group:", "name"),
    "AWS::S3::Bucket": ("BucketName", "s3", "", "name"),
    "AWS::SNS::Topic": ("TopicName", "sns", "", "arn"),
    "AWS::SSM::Parameter": ("Name", "ssm", "parameter/", "name"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states", "stateMachine:", "arn"),
    QUEUE: ("QueueName", "sqs", "", "url"),
}
"""Resources whose names and ARNs follow from a property: this property, the ARN's service and resource, and the kind of
value that `Ref` returns. Source: "Return values" of each resource in the CloudFormation template reference."""

NAME_ATTRIBUTES = ("Name", "QueueName", "TopicName")
"""The attributes that are names."""
PARTS = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::Lambda::", "AWS::IAM::")
"""Resources to which only parts of the same API or function refer."""


def properties_of(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a resource, none if they are not a mapping."""
    properties = resource.get("Properties")
    return properties if isinstance(properties, dict) else {}


def last_part(name_or_arn: str) -> str:
    """Return the name of a resource."""
    return re.split(r"[:/]", name_or_arn)[-1]


def make_id(text: str) -> str:
    """Return ten letters and digits, as the ids of APIs have them, always the same for a text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(letters[number // len(letters) ** place % len(letters)] for place in range(10))
