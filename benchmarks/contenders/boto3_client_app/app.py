"""A function that makes its client in init, as AWS recommends, and uses it without a request over the network."""

import json
from typing import Any

import boto3

dynamodb = boto3.client("dynamodb", aws_access_key_id="example", aws_secret_access_key="example")


def items(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the item of the event, after the client has signed a request for it."""
    item = {"id": int(event["pathParameters"]["id"]), "page": event["queryStringParameters"]["page"]}
    key = {"id": {"N": str(item["id"])}}
    dynamodb.generate_presigned_url("get_item", {"TableName": "items", "Key": key})
    return {"statusCode": 200, "body": json.dumps(item)}
