"""The function itself, which does not know of its instrumentation."""

import json
from typing import Any

import boto3

table_service = boto3.client("dynamodb", aws_access_key_id="example", aws_secret_access_key="example")


def items(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the item of the event."""
    item = {"id": int(event["pathParameters"]["id"]), "page": event["queryStringParameters"]["page"]}
    return {"statusCode": 200, "body": json.dumps(item)}
