"""Events of Kinesis data streams and of Amazon Data Firehose."""

from __future__ import annotations

from collections.abc import Sequence

from ..common.regions import make_arn, partition
from .shared import ACCOUNT, REGION, Content, Event, Moment, When, as_base64, digits, fresh_id, per_item, require_items


def kinesis(
    *data: Content,
    stream: str = "my-stream",
    partition_key: str = "1",
    shard: int = 0,
    sequence_numbers: Sequence[str] | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return records of a Kinesis data stream.

        kinesis("hello", {"order": 7}, b"\\x00\\x01", partition_key="customer-3")

    Args:
        data: data of each record. Bytes, text in UTF-8, or anything else as JSON.
        stream: name of the data stream.
        partition_key: partition key of all records.
        shard: number of the shard.
        sequence_numbers: sequence numbers, one for each record. Default: new ones that rise.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

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
            "invokeIdentityArn": f"arn:{partition(region)}:iam::{account}:role/my-function-role",
            "awsRegion": region,
            "eventSourceARN": make_arn("kinesis", region, account, f"stream/{stream}"),
        }
        for number, value in zip(numbers, data, strict=True)
    ]
    return {"Records": records}


def firehose(
    *data: Content,
    stream: str = "my-delivery-stream",
    invocation_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return records for Amazon Data Firehose to transform.

        firehose("hello", {"order": 7})

    The source of the delivery stream is Direct PUT.

    Args:
        data: data of each record. Bytes, text in UTF-8, or anything else as JSON.
        stream: name of the delivery stream.
        invocation_id: id of the invocation. Default: a new one.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/services-kinesisfirehose.html
    """
    require_items("firehose", data)
    moment, invocation_id = Moment(time), invocation_id or fresh_id()
    first = int("4959" + digits(invocation_id, "record", 52))
    return {
        "invocationId": invocation_id,
        "deliveryStreamArn": make_arn("firehose", region, account, f"deliverystream/{stream}"),
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
