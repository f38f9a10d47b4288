"""Events of CloudWatch Logs subscriptions."""

from __future__ import annotations

import base64
import gzip

from .shared import ACCOUNT, Event, Moment, TextContent, When, as_json, as_text, digits, hexadecimal, require_items


def cloudwatch_logs(
    *messages: TextContent,
    log_group: str = "/aws/lambda/my-function",
    log_stream: str | None = None,
    subscription_filter: str = "my-filter",
    account: str = ACCOUNT,
    time: When = None,
) -> Event:
    """Return log events of a CloudWatch Logs subscription.

        cloudwatch_logs("ERROR out of cheese", {"level": "ERROR", "message": "again"})

    As on AWS, they are gzipped JSON in base64.

    Args:
        messages: message of each log event. Text as it is, anything else as JSON.
        log_group: name of the log group.
        log_stream: name of the log stream. Default: that of a Lambda function on the day of the event.
        subscription_filter: name of the subscription filter.
        account: number of the AWS account.
        time: time of the log events. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/services-cloudwatchlogs.html
    """
    require_items("cloudwatch_logs", messages)
    moment = Moment(time)
    stream = log_stream or f"{moment.day}/[$LATEST]{hexadecimal(log_group, 'stream', 32)}"
    first = int(f"3{moment.epoch_ms:015}" + digits(stream, "log event", 40))  # ids rise with the time
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": account,
        "logGroup": log_group,
        "logStream": stream,
        "subscriptionFilters": [subscription_filter],
        "logEvents": [
            {"id": str(first + position), "timestamp": moment.epoch_ms, "message": as_text(message)}
            for position, message in enumerate(messages)
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(as_json(data).encode(), mtime=0)).decode()}}
