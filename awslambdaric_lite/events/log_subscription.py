"""Events of CloudWatch Logs subscriptions."""

from __future__ import annotations

import base64
import gzip

from .shared import ACCOUNT, Event, Moment, When, as_json, as_text, digits, hexadecimal, require_items


def cloudwatch_logs(
    *messages: object,
    log_group: str = "/aws/lambda/my-function",
    log_stream: str | None = None,
    subscription_filter: str = "my-filter",
    account: str = ACCOUNT,
    time: When = None,
) -> Event:
    """Log events from a CloudWatch Logs subscription: gzipped JSON in base64, as it arrives.

        cloudwatch_logs("ERROR out of cheese", {"level": "ERROR", "message": "again"})

    Args:
        messages: one for each log event: text as it is, anything else as JSON.
        log_group: the log group.
        log_stream: default: a Lambda function's stream of that day.
        subscription_filter: the filter's name.
        account: the log group's account.
        time: an aware datetime or seconds since the epoch; default: now. With a time, the event is always the same.

    Raises:
        ValueError: there is no message.
        TypeError: a message has no JSON form, or is bytes.

    Source: docs lambda/latest/dg/services-cloudwatchlogs.html
    """
    require_items("cloudwatch_logs", messages)
    moment = Moment(time)
    stream = log_stream or f"{moment.day}/[$LATEST]{hexadecimal(log_group, 'stream', 32)}"
    # Ids rise with the time: the milliseconds are in front.
    first = int(f"3{moment.epoch_ms:015}" + digits(stream, "log event", 40))
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
