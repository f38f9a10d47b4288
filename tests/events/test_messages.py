"""Events of queues, topics and streams."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    KafkaEvent,
    KinesisFirehoseEvent,
    KinesisStreamEvent,
    SNSEvent,
    SQSEvent,
)

from awslambdaric_lite import events

from .examples import ID, TIME, TIME_MS, Event


def test_sqs_has_one_record_per_body() -> None:
    """Each body is one SQS message with its digest: text unchanged, objects as JSON."""
    first, second = SQSEvent(events.sqs("hello", {"order": 7}, queue="orders", region="eu-west-1")).records
    assert (first.body, second.json_body) == ("hello", {"order": 7})
    assert (first.md5_of_body, first.aws_region) == (hashlib.md5(b"hello").hexdigest(), "eu-west-1")
    assert first.event_source_arn == "arn:aws:sqs:eu-west-1:123456789012:orders"
    assert first.message_id != second.message_id
    assert first.receipt_handle != second.receipt_handle
    assert first.attributes.message_group_id is None and first.attributes.sequence_number is None


def test_sqs_attributes_have_types_and_digest() -> None:
    """Attribute types follow from the values, and the digest is equal to that of another SQS implementation, moto 5."""
    (record,) = events.sqs("hello", message_attributes={"kind": "ördér", "count": 7, "blob": b"\x00\xff"})["Records"]
    assert record["md5OfMessageAttributes"] == "06f635c84e4ed80726929b35c5ed34de"
    attributes = next(SQSEvent({"Records": [record]}).records).message_attributes
    found = {name: (attributes[name], record["messageAttributes"][name]) for name in ("kind", "count", "blob")}
    assert {name: each.data_type for name, (each, _) in found.items() if each} == {
        "kind": "String",
        "count": "Number",
        "blob": "Binary",
    }
    values = [raw.get("stringValue") or raw.get("binaryValue") for _, raw in found.values()]
    assert values == ["ördér", "7", "AP8="]
    assert "md5OfMessageAttributes" not in events.sqs("hello")["Records"][0]


def test_sqs_fifo_messages_have_order() -> None:
    """FIFO messages have a group, rising sequence numbers and deduplication ids; standard messages can have a group."""
    first, second = (record["attributes"] for record in events.sqs("a", "b", queue="q.fifo", group_id="g")["Records"])
    assert first["MessageGroupId"] == second["MessageGroupId"] == "g"
    assert int(first["SequenceNumber"]) < int(second["SequenceNumber"])
    assert first["MessageDeduplicationId"] == hashlib.sha256(b"a").hexdigest()
    standard = events.sqs("a", group_id="g", receive_count=3)["Records"][0]["attributes"]
    assert (standard["MessageGroupId"], standard["ApproximateReceiveCount"]) == ("g", "3")
    assert "SequenceNumber" not in standard


def test_sns_notification_names_its_topic() -> None:
    """The subscription and the links of a notification contain the topic and its region."""
    event = SNSEvent(events.sns({"order": 7}, subject="shipped", topic="orders", message_id=ID, region="eu-west-1"))
    notification = event.record.sns
    assert (json.loads(event.sns_message), notification.subject, notification.message_id) == (
        {"order": 7},
        "shipped",
        ID,
    )
    assert notification.topic_arn == "arn:aws:sns:eu-west-1:123456789012:orders"
    assert event.record.event_subscription_arn.startswith(notification.topic_arn + ":")
    assert notification.unsubscribe_url.endswith(event.record.event_subscription_arn)
    assert notification.signing_cert_url.startswith("https://sns.eu-west-1.amazonaws.com/")
    assert SNSEvent(events.sns("m")).record.sns.subject is None


def test_kinesis_records_rise_in_a_shard() -> None:
    """Kinesis records have their data, arrival time and rising sequence numbers in one shard."""
    event = KinesisStreamEvent(
        events.kinesis("é", {"a": 1}, b"\x00", stream="s", shard=6, partition_key="p", time=TIME)
    )
    data = [record.kinesis for record in event.records]
    assert [each.data_as_bytes() for each in data] == [b"\xc3\xa9", b'{"a":1}', b"\x00"]
    assert {each.partition_key for each in data} == {"p"}
    assert data[0].approximate_arrival_timestamp == TIME_MS / 1000
    numbers = [int(each.sequence_number) for each in data]
    assert numbers == sorted(set(numbers)) and len(str(numbers[0])) == 56
    assert [record.event_id for record in event.records] == [f"shardId-000000000006:{number}" for number in numbers]
    assert events.kinesis("a", sequence_numbers=["7"])["Records"][0]["kinesis"]["sequenceNumber"] == "7"


def test_firehose_records_have_ids() -> None:
    """Firehose records have their data, the arrival time in milliseconds and different ids."""
    event = KinesisFirehoseEvent(events.firehose("hello", {"a": 1}, stream="s", invocation_id=ID, time=TIME))
    records = list(event.records)
    assert (records[0].data_as_text, records[1].data_as_json) == ("hello", {"a": 1})
    assert records[0].record_id != records[1].record_id
    assert records[0].approximate_arrival_timestamp == TIME_MS
    assert event.delivery_stream_arn == "arn:aws:firehose:us-east-1:123456789012:deliverystream/s"
    assert event.invocation_id == ID


@pytest.mark.parametrize("build", [events.kafka, events.msk])
def test_kafka_records_decode_to_the_arguments(build: Callable[..., Event]) -> None:
    """Keys and values decode to the arguments, and header values are signed bytes, as Lambda sends them."""
    raw = build("é", {"a": 1}, topic="t", key="k", headers={"h": "é"}, partition=3, offset=15, time=TIME)
    assert raw["records"]["t-3"][0]["headers"] == [{"h": [-61, -87]}]
    first, second = KafkaEvent(raw).records
    assert (first.decoded_value, second.json_value) == ("é".encode(), {"a": 1})
    assert (first.decoded_key, first.decoded_headers["h"]) == (b"k", "é".encode())
    assert (first.topic, first.partition, first.offset, second.offset) == ("t", 3, 15, 16)
    assert first.timestamp == TIME_MS
    assert "key" not in build("v")["records"]["my-topic-0"][0]


def test_kafka_clusters_have_different_sources() -> None:
    """A self-managed cluster is identified by its servers, an MSK cluster by its ARN."""
    own = KafkaEvent(events.kafka("v", bootstrap_servers=("a:1", "b:2")))
    assert (own.event_source, own.decoded_bootstrap_servers) == ("SelfManagedKafka", ["a:1", "b:2"])
    msk = KafkaEvent(events.msk("v", cluster="c", region="eu-west-1"))
    assert msk.event_source == "aws:kafka"
    assert (msk.event_source_arn or "").startswith("arn:aws:kafka:eu-west-1:123456789012:cluster/c/")
    assert all(server.endswith(".eu-west-1.amazonaws.com:9092") for server in msk.decoded_bootstrap_servers)
