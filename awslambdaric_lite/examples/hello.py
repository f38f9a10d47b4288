"""A function behind an HTTP API: greets the name in the request.

Try it: `awslambdaric-lite invoke awslambdaric_lite.examples.hello.handler --event FILE`, where FILE is
`api_gateway_v2.json` from this folder, or without an event.
"""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer an API Gateway HTTP request (payload format 2.0) with a greeting."""
    query = event.get("queryStringParameters") or {}
    name = query.get("name") or "world"
    print(f"greeting {name}")
    return {
        "statusCode": 200,
        "headers": {"content-type": "text/plain; charset=utf-8"},
        "body": f"Hello, {name}!",
        "isBase64Encoded": False,
    }
