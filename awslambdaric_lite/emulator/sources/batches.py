"""Batches of messages: how they are split, and which messages of a batch have failed.

Source: the developer guide of Lambda, "Handling errors for an SQS event source", about partial batch responses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ...common import json_text
from ...common.quotas import MAX_PAYLOAD
from ...common.words import quoted

REQUEST_SIZE = 10
"""Messages in one request to SQS, and in a batch of a FIFO queue."""


class Message(NamedTuple):
    """A message as it is received."""

    id: str
    handle: str
    group: str | None  # of a FIFO queue
    record: dict[str, Any]
    text: str  # the record as JSON


def batches_by_size(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Return batches whose events do not exceed the limit of a synchronous invocation."""
    batch: list[Message] = []
    size = frame = len('{"Records":[]}')
    for each in messages:
        length = len(each.text.encode(errors="replace")) + 1
        if batch and size + length > MAX_PAYLOAD:
            yield batch
            batch, size = [], frame
        batch.append(each)
        size += length
    yield batch


def failed_ids(payload: bytes, sent: set[str]) -> set[str]:
    """Return the ids that a function reports as failed (`ReportBatchItemFailures`).

    Raises:
        ValueError: the whole batch has failed, because the response is malformed or has an unknown id.
    """
    answer = json_text.parse(payload) if payload.strip() else None
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        raise ValueError("the response is not an object with batchItemFailures")
    items = answer.get("batchItemFailures")
    if items is None:
        return set()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("batchItemFailures is not a list of objects")
    ids = [item.get("itemIdentifier") for item in items]
    for each in ids:
        if not isinstance(each, str) or each not in sent:
            raise ValueError(f"itemIdentifier {quoted(str(each))} is not the id of a message of the batch")
    return set(ids)
