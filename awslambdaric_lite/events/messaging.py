"""Events of Amazon SQS and Amazon SNS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .shared import (
    ACCOUNT,
    REGION,
    Event,
    Moment,
    When,
    as_base64,
    as_text,
    derived_uuid,
    digits,
    fresh_id,
    hexadecimal,
    per_item,
    require_items,
    token,
)

MessageAttributes = Mapping[str, str | bytes | int | float | Decimal]


def sqs(
    *bodies: object,
    queue: str = "my-queue",
    group_id: str | None = None,
    message_attributes: MessageAttributes | None = None,
    receive_count: int = 1,
    message_ids: Sequence[str] | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A batch of messages from an Amazon SQS queue.

        sqs("hello", {"order": 7}, queue="orders.fifo", group_id="customer-3")

    Args:
        bodies: one for each message: text as it is, anything else as JSON.
        queue: the queue's name; one that ends in `.fifo` has sequence numbers, deduplication ids and groups.
        group_id: of all messages; default: none, or `default` in a FIFO queue.
        message_attributes: of all messages; text, numbers and bytes get the types String, Number and Binary.
        receive_count: how often the messages have been received.
        message_ids: one for each body; default: fresh; with them and a time, the event is always the same.
        account: the queue's account.
        region: its region.
        time: when the messages were sent: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: there is no body, or not one id for each.
        TypeError: a body has no JSON form, or is bytes.

    Source: docs lambda/latest/dg/with-sqs.html
    """
    require_items("sqs", bodies)
    moment = Moment(time)
    ids = per_item("message_ids", message_ids, len(bodies))
    records = []
    for position, (message_id, body) in enumerate(zip(ids, map(as_text, bodies), strict=True)):
        record: dict[str, Any] = {
            "messageId": message_id,
            "receiptHandle": token(message_id, "receipt", 96),
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": str(receive_count),
                "SentTimestamp": str(moment.epoch_ms),
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": str(moment.epoch_ms + 2),
            },
            "messageAttributes": {name: _sqs_attribute(value) for name, value in (message_attributes or {}).items()},
            "md5OfBody": _md5(body.encode()),
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{region}:{account}:{queue}",
            "awsRegion": region,
        }
        if message_attributes:
            record["md5OfMessageAttributes"] = _md5_of_attributes(message_attributes)
        if queue.endswith(".fifo"):
            record["attributes"] |= {
                "SequenceNumber": str(int(digits(ids[0], "sequence", 20)) + 256 * position),
                "MessageGroupId": group_id or "default",
                "MessageDeduplicationId": hashlib.sha256(body.encode()).hexdigest(),
            }
        elif group_id is not None:
            record["attributes"]["MessageGroupId"] = group_id
        records.append(record)
    return {"Records": records}


def sns(
    message: object,
    *,
    subject: str | None = None,
    topic: str = "my-topic",
    message_attributes: MessageAttributes | None = None,
    message_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A notification of an Amazon SNS topic; each event has one.

        sns({"order": 7}, subject="shipped", message_attributes={"kind": "order"})

    Args:
        message: text as it is, anything else as JSON.
        subject: the subject.
        topic: the topic's name.
        message_attributes: text, numbers and bytes get the types String, Number and Binary.
        message_id: default: fresh; with it and a time, the event is always the same.
        account: the topic's account.
        region: its region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        TypeError: the message has no JSON form, or is bytes.

    Source: docs lambda/latest/dg/with-sns.html
    """
    message_id = message_id or fresh_id()
    arn = f"arn:aws:sns:{region}:{account}:{topic}"
    subscription = f"{arn}:{derived_uuid(arn, 'subscription')}"
    endpoint = f"https://sns.{region}.amazonaws.com"
    attributes = {name: _attribute(value) for name, value in (message_attributes or {}).items()}
    notification = {
        "SignatureVersion": "1",
        "Timestamp": Moment(time).iso_ms,
        "Signature": token(message_id, "signature", 256),
        "SigningCertUrl": f"{endpoint}/SimpleNotificationService-{hexadecimal(region, 'certificate', 32)}.pem",
        "MessageId": message_id,
        "Message": as_text(message),
        "MessageAttributes": {name: {"Type": kind, "Value": value} for name, (kind, value) in attributes.items()},
        "Type": "Notification",
        "UnsubscribeUrl": f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription}",
        "TopicArn": arn,
        "Subject": subject,
    }
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "EventSource": "aws:sns",
        "Sns": notification,
    }
    return {"Records": [record]}


def _attribute(value: str | bytes | int | float | Decimal) -> tuple[str, str]:
    """The type of a message attribute and its value as text."""
    if isinstance(value, bytes):
        return "Binary", as_base64(value)
    return ("String", value) if isinstance(value, str) else ("Number", str(value))


def _sqs_attribute(value: str | bytes | int | float | Decimal) -> dict[str, Any]:
    kind, text = _attribute(value)
    field = "binaryValue" if kind == "Binary" else "stringValue"
    return {field: text, "stringListValues": [], "binaryListValues": [], "dataType": kind}


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _md5_of_attributes(attributes: MessageAttributes) -> str:
    """The digest of names, types and values, each behind its length.

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
