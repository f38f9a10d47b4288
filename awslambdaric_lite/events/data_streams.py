"""Events of Kinesis data streams and of Amazon Data Firehose."""

from __future__ import annotations

from collections.abc import Sequence

from .shared import (
    ACCOUNT,
    REGION,
    Event,
    Moment,
    When,
    as_base64,
    digits,
    fresh_id,
    per_item,
    require_items,
)


def kinesis(
    *data: object,
    stream: str = "my-stream",
    partition_key: str = "1",
    shard: int = 0,
    sequence_numbers: Sequence[str] | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A batch of records from one shard of a Kinesis data stream.

        kinesis("hello", {"order": 7}, b"\\x00\\x01", partition_key="customer-3")

    Args:
        data: one for each record: bytes, text in UTF-8, or anything else as JSON.
        stream: the stream's name.
        partition_key: of all records.
        shard: the shard's number.
        sequence_numbers: one for each record; default: fresh, rising; with them and a time, the event is always the
            same.
        account: the stream's account.
        region: its region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: there is no record, or not one sequence number for each.
        TypeError: a record has no JSON form.

    Source: docs lambda/latest/dg/with-kinesis.html
    """
    require_items("kinesis", data)
    moment = Moment(time)
    if sequence_numbers is None:
        first = int("4959" + digits(fresh_id(), "sequence", 52))
        sequence_numbers = [str(first + position) for position in range(len(data))]
    numbers = per_item("sequence_numbers", sequence_numbers, len(data))
    records = [
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": partition_key,
                "sequenceNumber": number,
                "data": as_base64(value),
                "approximateArrivalTimestamp": moment.epoch_s,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"shardId-{shard:012}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": f"arn:aws:iam::{account}:role/my-function-role",
            "awsRegion": region,
            "eventSourceARN": f"arn:aws:kinesis:{region}:{account}:stream/{stream}",
        }
        for number, value in zip(numbers, data, strict=True)
    ]
    return {"Records": records}


def firehose(
    *data: object,
    stream: str = "my-delivery-stream",
    invocation_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A batch of records that Amazon Data Firehose (Direct PUT) wants transformed.

        firehose("hello", {"order": 7})

    Args:
        data: one for each record: bytes, text in UTF-8, or anything else as JSON.
        stream: the delivery stream's name.
        invocation_id: default: fresh; with it and a time, the event is always the same.
        account: the stream's account.
        region: its region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: there is no record.
        TypeError: a record has no JSON form.

    Source: docs lambda/latest/dg/services-kinesisfirehose.html
    """
    require_items("firehose", data)
    moment, invocation_id = Moment(time), invocation_id or fresh_id()
    first = int("4959" + digits(invocation_id, "record", 52))
    return {
        "invocationId": invocation_id,
        "deliveryStreamArn": f"arn:aws:firehose:{region}:{account}:deliverystream/{stream}",
        "region": region,
        "records": [
            {
                "recordId": f"{first + position}000000",
                "approximateArrivalTimestamp": moment.epoch_ms,
                "data": as_base64(value),
            }
            for position, value in enumerate(data)
        ],
    }
