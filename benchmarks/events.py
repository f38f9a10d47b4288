"""The events of the suite, and the content of large results: the same bytes every time."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from awslambdaric_lite.common.json_text import compact

_RECORD = {"id": 0, "price": 1234.5678, "name": "example", "tags": ["a", "b", "c"], "new": True, "parent": None}
_LINE = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore. "
_LARGE = 5_000_000  # bytes


@functools.cache
def event_bytes(name: str) -> bytes:
    """Make the event `name`.

    `tiny`, `apigw`, `rest`, `5mb_plain`, `5mb_structured`, `5mb_astral`; `in_<n>` has exactly n bytes, and `out_<n>`
    asks the handler `produce` for a result of n bytes.

    Raises:
        ValueError: the suite has no event of that name.
    """
    if name == "tiny":
        return b'{"key":"value"}'
    if name in ("apigw", "rest"):
        event = json.loads(Path(__file__).with_name("apigw.json").read_text())
        return json.dumps(event if name == "apigw" else _as_rest_api(event)).encode()
    if name in ("5mb_plain", "5mb_astral"):
        records: list[Any] = [_LINE * 10] * (_LARGE // (len(_LINE) * 10 + 4))
        if name == "5mb_astral":
            records[len(records) // 2] += "\N{GRINNING FACE}"
        return json.dumps({"records": records}, ensure_ascii=False).encode()
    if name == "5mb_structured":
        length = len(json.dumps(_RECORD)) + 6
        return json.dumps({"records": [{**_RECORD, "id": i} for i in range(_LARGE // length)]}).encode()
    kind, _, size = name.partition("_")
    if kind == "in" and size.isdigit():
        return compact(produced(int(size))).encode()
    if kind == "out" and size.isdigit():
        return json.dumps({"size": int(size)}).encode()
    raise ValueError(f"no event called {name}")


def produced(size: int) -> dict[str, Any]:
    """Return a value that is `size` bytes of compact JSON: records, and a filler that is shorter than one.

    The handlers called `produce` return the same value.

    Raises:
        ValueError: the size is below 26.
    """
    if size < 26:
        raise ValueError(f"no value has {size} bytes; the minimum is 26")
    record = {**_RECORD, "id": 1_000_000}
    each = len(compact(record)) + 1
    count = max(0, (size - 26) // each)
    records = [{**record, "id": 1_000_000 + i} for i in range(count)]
    rest = size - 26 - count * each + (1 if count else 0)
    return {"records": records, "filler": "x" * rest}


def _as_rest_api(event: dict[str, Any]) -> dict[str, Any]:
    """Return an HTTP API's event as a REST API would send it."""
    http = event["requestContext"]["http"]
    query, headers = event["queryStringParameters"], event["headers"]
    context = {key: event["requestContext"][key] for key in ("accountId", "apiId", "requestId", "stage")}
    return {
        "resource": "/items/{id}",
        "path": http["path"],
        "httpMethod": http["method"],
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "pathParameters": event["pathParameters"],
        "stageVariables": None,
        "requestContext": {
            **context,
            "httpMethod": http["method"],
            "path": http["path"],
            "identity": {"sourceIp": http["sourceIp"]},
        },
        "body": None,
        "isBase64Encoded": False,
    }
