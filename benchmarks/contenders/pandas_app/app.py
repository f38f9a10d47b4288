"""A function that reads its event with pandas."""

from typing import Any

import pandas as pd


def items(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the item of the event, a row of a table."""
    frame = pd.DataFrame([{**event["pathParameters"], **event["queryStringParameters"]}])
    row = frame.astype({"id": int})[["id", "page"]].iloc[0]
    return {"statusCode": 200, "body": row.to_json()}
