"""Events of Amazon SQS and Amazon SNS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..common.regions import dns_suffix, make_arn
from . import shared
from .shared import ACCOUNT, REGION, Event, Moment, TextContent, When, as_base64, as_text, fresh_id

AttributeValue = str | bytes | int | float | Decimal
MessageAttributes = Mapping[str, AttributeValue]


def sqs(
    *bodies: TextContent,
    queue: str = "my-queue",
    group_id: str | None = None,
    message_attributes: MessageAttributes | None = None,
    receive_count: int = 1,
    message_ids: Sequence[str] | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return messages from an Amazon SQS queue.

        sqs("hello", {"order": 7}, queue="orders.fifo", group_id="customer-3")

    Args:
        bodies: body of each message. Text as it is, anything else as JSON.
        queue: name of the queue; the name of a FIFO queue ends in `.fifo`. Messages of a FIFO queue have sequence
            numbers, deduplication ids and groups.
        group_id: group of all messages. Default: none, or `default` in a FIFO queue.
        message_attributes: attributes of all messages. Text, numbers and bytes get the types String, Number and Binary.
        receive_count: number of times that the messages were received.
        message_ids: ids of the messages, one for each. Default: new ones.
        account: number of the AWS account.
        region: AWS region.
        time: time at which the messages were sent. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/with-sqs.html
    """
    shared.require_items("sqs", bodies)
    moment = Moment(time)
    ids = shared.per_item("message_ids", message_ids, len(bodies))
    records = []
    for position, (message_id, body) in enumerate(zip(ids, map(as_text, bodies), strict=True)):
        attributes = {
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": str(moment.epoch_ms),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(moment.epoch_ms + 2),
        }
        if queue.endswith(".fifo"):
            attributes |= {
                "SequenceNumber": str(int(shared.digits(ids[0], "sequence", 20)) + 256 * position),
                "MessageGroupId": group_id or "default",
                "MessageDeduplicationId": hashlib.sha256(body.encode()).hexdigest(),
            }
        elif group_id is not None:
            attributes["MessageGroupId"] = group_id
        message: dict[str, Any] = {
            "MessageId": message_id,
            "ReceiptHandle": shared.token(message_id, "receipt", 96),
            "Body": body,
            "Attributes": attributes,
            "MessageAttributes": {name: _sqs_attribute(value) for name, value in (message_attributes or {}).items()},
            "MD5OfBody": _md5(body.encode()),
        }
        if message_attributes:
            message["MD5OfMessageAttributes"] = _md5_of_attributes(message_attributes)
        records.append(sqs_record(message, make_arn("sqs", region, account, queue), region))
    return {"Records": records}


def sqs_record(message: Mapping[str, Any], arn: str, region: str) -> Event:
    """Return the record of a message in the form in which `ReceiveMessage` of boto3 returns it.

    Source: docs lambda/latest/dg/with-sqs.html
    """
    record: Event = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: str(value) for name, value in message.get("Attributes", {}).items()},
        "messageAttributes": {
            name: _record_attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def sns(
    message: TextContent,
    *,
    subject: str | None = None,
    topic: str = "my-topic",
    message_attributes: MessageAttributes | None = None,
    message_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return a notification from an Amazon SNS topic.

        sns({"order": 7}, subject="shipped", message_attributes={"kind": "order"})

    Args:
        message: message of the notification. Text as it is, anything else as JSON.
        subject: subject of the notification. Default: none.
        topic: name of the topic.
        message_attributes: attributes of the message. Text, numbers and bytes get the types String, Number and Binary.
        message_id: id of the message. Default: a new one.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/with-sns.html
    """
    moment, message_id = Moment(time), message_id or fresh_id()
    arn = make_arn("sns", region, account, topic)
    subscription = f"{arn}:{shared.derived_uuid(arn, 'subscription')}"
    endpoint = f"https://sns.{region}.{dns_suffix(region)}"
    certificate = shared.hexadecimal(region, "certificate", 32)
    attributes = {name: _attribute(value) for name, value in (message_attributes or {}).items()}
    notification = {
        "SignatureVersion": "1",
        "Timestamp": moment.iso_ms,
        "Signature": shared.token(message_id, "signature", 256),
        "SigningCertUrl": f"{endpoint}/SimpleNotificationService-{certificate}.pem",
        "MessageId": message_id,
        "Message": as_text(message),
        "MessageAttributes": {name: {"Type": kind, "Value": value} for name, (kind, value) in attributes.items()},
        "Type": "Notification",
        "UnsubscribeUrl": f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription}",
        "TopicArn": arn,
        "Subject": subject,
    }
    envelope = {"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns"}
    return {"Records": [{**envelope, "Sns": notification}]}


def _attribute(value: AttributeValue) -> tuple[str, str]:
    """Return the type of a message attribute and its value as text."""
    if isinstance(value, bytes):
        return "Binary", as_base64(value)
    return ("String", value) if isinstance(value, str) else ("Number", str(value))


def _record_attribute(value: Mapping[str, Any]) -> Event:
    binary = value.get("BinaryValue")
    content = {"stringValue": value.get("StringValue")} if binary is None else {"binaryValue": as_base64(binary)}
    return {**content, "stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}


def _sqs_attribute(value: AttributeValue) -> dict[str, Any]:
    kind, text = _attribute(value)
    return {"DataType": kind, "BinaryValue": value} if kind == "Binary" else {"DataType": kind, "StringValue": text}


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _md5_of_attributes(attributes: MessageAttributes) -> str:
    """Return the digest of names, types and values, each with its length before it.

    Source: docs AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    data = b""
    for name, value in sorted(attributes.items()):
        kind, text = _attribute(value)
        content = value if isinstance(value, bytes) else text.encode()
        for piece in (name.encode(), kind.encode()):
            data += len(piece).to_bytes(4, "big") + piece
        data += (b"\x02" if kind == "Binary" else b"\x01") + len(content).to_bytes(4, "big") + content
    return _md5(data)
