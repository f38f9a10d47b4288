"""Events of Apache Kafka topics: Amazon MSK and self-managed clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .shared import ACCOUNT, REGION, Event, Moment, When, as_base64, derived_uuid, require_items


def kafka(
    *values: object,
    topic: str = "my-topic",
    key: object = None,
    headers: Mapping[str, str | bytes] | None = None,
    partition: int = 0,
    offset: int = 0,
    bootstrap_servers: tuple[str, ...] = ("kafka-1.example.com:9092", "kafka-2.example.com:9092"),
    time: When = None,
) -> Event:
    """A batch of records from a topic of a self-managed Apache Kafka cluster.

        kafka({"order": 7}, topic="orders", key="customer-3", headers={"trace": "abc"})

    Args:
        values: one for each record: bytes, text in UTF-8, or anything else as JSON.
        topic: the topic's name.
        key: of all records: as values; None is no key.
        headers: of all records.
        partition: the partition of all records.
        offset: of the first record.
        bootstrap_servers: the cluster's brokers.
        time: an aware datetime or seconds since the epoch; default: now. With a time, the event is always the same.

    Raises:
        ValueError: there is no record.
        TypeError: a value has no JSON form.

    Source: docs lambda/latest/dg/with-kafka.html
    """
    require_items("kafka", values)
    return {
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": ",".join(bootstrap_servers),
        "records": _records(values, topic, key, headers, partition, offset, Moment(time)),
    }


def msk(
    *values: object,
    topic: str = "my-topic",
    key: object = None,
    headers: Mapping[str, str | bytes] | None = None,
    partition: int = 0,
    offset: int = 0,
    cluster: str = "my-cluster",
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A batch of records from a topic of an Amazon MSK cluster; the records are those of `kafka`.

        msk({"order": 7}, topic="orders", key="customer-3")

    Args:
        values: one for each record: bytes, text in UTF-8, or anything else as JSON.
        topic: the topic's name.
        key: of all records: as values; None is no key.
        headers: of all records.
        partition: the partition of all records.
        offset: of the first record.
        cluster: the cluster's name.
        account: the cluster's account.
        region: its region.
        time: an aware datetime or seconds since the epoch; default: now. With a time, the event is always the same.

    Raises:
        ValueError: there is no record.
        TypeError: a value has no JSON form.

    Source: docs lambda/latest/dg/with-msk.html
    """
    require_items("msk", values)
    cluster_id = derived_uuid(cluster, "cluster")
    broker = f"{cluster}.a1bcde.c1.kafka.{region}.amazonaws.com:9092"
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": f"arn:aws:kafka:{region}:{account}:cluster/{cluster}/{cluster_id}-1",
        "bootstrapServers": f"b-1.{broker},b-2.{broker}",
        "records": _records(values, topic, key, headers, partition, offset, Moment(time)),
    }


def _records(
    values: tuple[object, ...],
    topic: str,
    key: object,
    headers: Mapping[str, str | bytes] | None,
    partition: int,
    offset: int,
    moment: Moment,
) -> dict[str, list[dict[str, Any]]]:
    records = [
        {
            "topic": topic,
            "partition": partition,
            "offset": offset + position,
            "timestamp": moment.epoch_ms,
            "timestampType": "CREATE_TIME",
            **({} if key is None else {"key": as_base64(key)}),
            "value": as_base64(value),
            "headers": [{name: _signed_bytes(value)} for name, value in (headers or {}).items()],
        }
        for position, value in enumerate(values)
    ]
    return {f"{topic}-{partition}": records}


def _signed_bytes(value: str | bytes) -> list[int]:
    """A header's value as a list of bytes in Java's sense: -128 to 127."""
    data = value.encode() if isinstance(value, str) else value
    return [byte - 256 if byte > 127 else byte for byte in data]
