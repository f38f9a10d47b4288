"""Events of Apache Kafka topics: Amazon MSK and self-managed clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.regions import dns_suffix, make_arn
from .shared import ACCOUNT, REGION, Content, Event, Moment, When, as_base64, derived_uuid, require_items

RecordHeaders = Mapping[str, str | bytes]


def kafka(
    *values: Content,
    topic: str = "my-topic",
    key: Content = None,
    headers: RecordHeaders | None = None,
    partition: int = 0,
    offset: int = 0,
    bootstrap_servers: tuple[str, ...] = ("kafka-1.example.com:9092", "kafka-2.example.com:9092"),
    time: When = None,
) -> Event:
    """Return records of a self-managed Apache Kafka topic.

        kafka({"order": 7}, topic="orders", key="customer-3", headers={"trace": "abc"})

    Args:
        values: value of each record. Bytes, text in UTF-8, or anything else as JSON.
        topic: name of the topic.
        key: key of all records. Bytes, text in UTF-8, or anything else as JSON. Default: none.
        headers: headers of all records.
        partition: number of the partition.
        offset: offset of the first record.
        bootstrap_servers: brokers of the cluster, as HOST:PORT. Default: two of example.com.
        time: time of the records. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/with-kafka.html
    """
    require_items("kafka", values)
    return {
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": ",".join(bootstrap_servers),
        "records": _records(values, topic, key, headers, partition, offset, time),
    }


def msk(
    *values: Content,
    topic: str = "my-topic",
    key: Content = None,
    headers: RecordHeaders | None = None,
    partition: int = 0,
    offset: int = 0,
    cluster: str = "my-cluster",
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return records of an Amazon MSK topic.

        msk({"order": 7}, topic="orders", key="customer-3")

    Args:
        values: value of each record. Bytes, text in UTF-8, or anything else as JSON.
        topic: name of the topic.
        key: key of all records. Bytes, text in UTF-8, or anything else as JSON. Default: none.
        headers: headers of all records.
        partition: number of the partition.
        offset: offset of the first record.
        cluster: name of the cluster.
        account: number of the AWS account.
        region: AWS region.
        time: time of the records. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/with-msk.html
    """
    require_items("msk", values)
    broker = f"{cluster}.a1bcde.c1.kafka.{region}.{dns_suffix(region)}:9092"
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": make_arn("kafka", region, account, f"cluster/{cluster}/{derived_uuid(cluster, 'cluster')}-1"),
        "bootstrapServers": f"b-1.{broker},b-2.{broker}",
        "records": _records(values, topic, key, headers, partition, offset, time),
    }


def _records(
    values: tuple[Content, ...],
    topic: str,
    key: Content,
    headers: RecordHeaders | None,
    partition: int,
    offset: int,
    time: When,
) -> dict[str, list[dict[str, Any]]]:
    moment = Moment(time)
    records = [
        {
            "topic": topic,
            "partition": partition,
            "offset": offset + position,
            "timestamp": moment.epoch_ms,
            "timestampType": "CREATE_TIME",
            **({} if key is None else {"key": as_base64(key)}),
            "value": as_base64(value),
            "headers": [{name: _signed_bytes(text)} for name, text in (headers or {}).items()],
        }
        for position, value in enumerate(values)
    ]
    return {f"{topic}-{partition}": records}


def _signed_bytes(value: str | bytes) -> list[int]:
    """Return a header's value as a list of Java's bytes: -128 to 127."""
    data = value.encode() if isinstance(value, str) else value
    return [byte - 256 if byte > 127 else byte for byte in data]
