"""The poller of a queue at servers that others wrote: what a function gets, and what becomes of its messages."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from awslambdaric_lite.emulator.errors import TooManyRequests
from tests.emulator.waiting import wait_until

from .harness import FAILED, Function, Polled, Queues, wait_for_notes

Poll = Callable[..., Polled]


def succeed(event: dict[str, Any]) -> object:
    """Return a response that is of no interest."""
    return "done"


def test_event_is_that_of_aws(queues: Queues, poll: Poll) -> None:
    """A message arrives with its attributes and digests as AWS sends it, and is deleted after the invocation."""
    function = Function(succeed)
    queue = queues.make()
    attributes = {
        "kind": {"DataType": "String", "StringValue": "ördér"},
        "count": {"DataType": "Number", "StringValue": "7"},
        "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = queues.client.send_message(QueueUrl=queue.url, MessageBody="hellö", MessageAttributes=attributes)
    poll(queues.client, queue, function, qualifier="live")
    queues.wait_for(queue, 0, 0)
    assert function.targets == [("orders-function", "live")]
    [[record]] = [event["Records"] for event in function.events]
    system = record.pop("attributes")
    assert system["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(system)
    assert all(isinstance(value, str) for value in system.values())
    assert record.pop("receiptHandle")
    lists: dict[str, list[str]] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hellö",
        "messageAttributes": {
            "kind": {"stringValue": "ördér", **lists, "dataType": "String"},
            "count": {"stringValue": "7", **lists, "dataType": "Number"},
            "blob": {"binaryValue": base64.b64encode(b"\x00\xff").decode(), **lists, "dataType": "Binary"},
        },
        "md5OfBody": hashlib.md5("hellö".encode()).hexdigest(),
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": "us-east-1",
    }


def test_batches_have_the_batch_size(moto: Queues, poll: Poll) -> None:
    """A function gets each message once, in batches of at most the batch size."""
    function, queue = Function(succeed), moto.make()
    bodies = [f"m{number}" for number in range(12)]
    moto.send(queue, *bodies)
    poll(moto.client, queue, function, batch_size=5)
    moto.wait_for(queue, 0, 0)
    assert sorted(function.seen) == sorted(bodies)
    assert max(map(len, function.bodies)) <= 5


def test_window_gathers_a_large_batch(queues: Queues, poll: Poll) -> None:
    """A batching window gathers more messages than one request receives; a full batch does not wait for its end."""
    function, queue = Function(succeed), queues.make()
    bodies = [f"m{number}" for number in range(25)]
    queues.send(queue, *bodies)
    polled = poll(queues.client, queue, function, batch_size=25, window_s=300)
    queues.wait_for(queue, 0, 0)
    assert [sorted(batch) for batch in function.bodies] == [sorted(bodies)]
    assert polled.notes == []


def test_window_ends_before_the_batch_is_full(moto: Queues, poll: Poll) -> None:
    """At the end of the batching window the function gets what has arrived."""
    function, queue = Function(succeed), moto.make()
    moto.send(queue, "one", "two")
    poll(moto.client, queue, function, batch_size=100, window_s=1)
    moto.wait_for(queue, 0, 0)
    assert [sorted(batch) for batch in function.bodies] == [["one", "two"]]


def test_failed_batch_returns_and_ends_in_the_dead_letter_queue(queues: Queues, poll: Poll) -> None:
    """Messages of a failed invocation are received again after the visibility timeout, up to the queue's own limit."""
    function, dead = Function(lambda event: FAILED), queues.make()
    policy = f'{{"deadLetterTargetArn": "{dead.arn}", "maxReceiveCount": 2}}'
    queue = queues.make(VisibilityTimeout="1", RedrivePolicy=policy)
    queues.send(queue, "bad")
    poll(queues.client, queue, function)
    queues.wait_for(dead, 1, 0)
    counts = [event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in function.events]
    assert counts == ["1", "2"]
    assert queues.counts(queue) == (0, 0)


def test_only_reported_messages_return(queues: Queues, poll: Poll) -> None:
    """With partial batch responses the reported messages are received again, and the others are deleted."""

    def answer(event: dict[str, Any]) -> object:
        bad = [each for each in event["Records"] if (each["body"], receive_count(each)) == ("bad", 1)]
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in bad]}

    function, queue = Function(answer), queues.make(VisibilityTimeout="1")
    queues.send(queue, "good", "bad", "fine")
    poll(queues.client, queue, function, report_batch_item_failures=True)
    queues.wait_for(queue, 0, 0)
    assert sorted(function.seen) == ["bad", "bad", "fine", "good"]


def receive_count(record: dict[str, Any]) -> int:
    """Return how often a message was received."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def test_group_is_blocked_while_its_batch_runs(queues: Queues, poll: Poll) -> None:
    """The messages of a FIFO group arrive in order; while some run, others of the group wait, other groups do not."""
    function, queue = Function(), queues.make(fifo=True)
    queues.send(queue, "a1", "a2", "a3", MessageGroupId="a")
    polled = poll(queues.client, queue, function, batch_size=2)
    wait_until(lambda: function.seen == ["a1", "a2"])
    queues.send(queue, "b1", MessageGroupId="b")
    wait_until(lambda: function.seen == ["a1", "a2", "b1"])
    polled.finish()
    wait_until(lambda: function.seen == ["a1", "a2", "b1", "a3"])
    polled.finish()
    polled.finish()
    queues.wait_for(queue, 0, 0)


def test_failed_group_is_retried_in_order(elasticmq: Queues, poll: Poll) -> None:
    """After a failure the messages of a FIFO group are received again before later ones of the group."""

    def answer(event: dict[str, Any]) -> object:
        first = event["Records"][0]
        return FAILED if (first["body"], receive_count(first)) == ("1", 1) else None

    function, queue = Function(answer), elasticmq.make(fifo=True, VisibilityTimeout="1")
    elasticmq.send(queue, "1", "2", "3", "4", MessageGroupId="a")
    poll(elasticmq.client, queue, function, batch_size=2)
    elasticmq.wait_for(queue, 0, 0)
    assert function.seen == ["1", "2", "1", "2", "3", "4"]


def test_messages_that_match_no_filter_are_deleted(moto: Queues, poll: Poll) -> None:
    """A function gets the messages that match one of the filters; the others are deleted without an invocation."""
    function, queue = Function(succeed), moto.make()
    moto.send(queue, '{"kind": "order", "price": 7}', '{"kind": "order"}', '{"kind": "other"}', "order")
    filters = ('{"body": {"price": [{"numeric": [">", 5]}]}}', '{"body": {"kind": ["other"]}}')
    polled = poll(moto.client, queue, function, filters=filters)
    moto.wait_for(queue, 0, 0)
    assert sorted(function.seen) == ['{"kind": "order", "price": 7}', '{"kind": "other"}']
    assert polled.notes == []


def test_throttled_batch_is_retried_without_another_receive(moto: Queues, poll: Poll) -> None:
    """A throttled batch is retried until the function is free, with the messages that were received once."""
    refusals: list[Exception] = [TooManyRequests("busy"), TooManyRequests("busy")]
    function, queue = Function(lambda event: refusals.pop() if refusals else None), moto.make()
    moto.send(queue, "one")
    poll(moto.client, queue, function)
    moto.wait_for(queue, 0, 0)
    assert function.seen == ["one"] * 3
    assert {receive_count(event["Records"][0]) for event in function.events} == {1}


def test_concurrency_is_limited(moto: Queues, poll: Poll) -> None:
    """No more batches run at the same time than the maximum concurrency; messages above it stay in the queue."""
    function, queue = Function(), moto.make()
    moto.send(queue, *map(str, range(6)))
    polled = poll(moto.client, queue, function, batch_size=1, maximum_concurrency=2)
    moto.wait_for(queue, 4, 2)
    for left in range(6, 0, -1):
        wait_until(functools.partial(function.has_running, min(left, 2)))
        polled.finish()
    moto.wait_for(queue, 0, 0)
    assert function.most == 2


def test_five_batches_run_by_default(moto: Queues, poll: Poll) -> None:
    """Without a maximum concurrency five batches run at the same time, as on AWS at the start."""
    function, queue = Function(), moto.make()
    moto.send(queue, *map(str, range(8)))
    polled = poll(moto.client, queue, function, batch_size=1)
    moto.wait_for(queue, 3, 5)
    for _ in range(8):
        wait_until(lambda: function.running)
        polled.finish()
    moto.wait_for(queue, 0, 0)
    assert function.most == 5


def test_close_gives_received_messages_back(queues: Queues, poll: Poll) -> None:
    """Messages that were received for a batch which has not begun are visible again when the poller is closed."""
    function, queue = Function(), queues.make()
    queues.send(queue, "one", "two")
    polled = poll(queues.client, queue, function, batch_size=100, window_s=300)
    queues.wait_for(queue, 0, 2)
    polled.start_closing().result()
    assert queues.counts(queue) == (2, 0)
    assert function.events == []


def test_close_gives_a_throttled_batch_back(moto: Queues, poll: Poll) -> None:
    """A batch that waits for a throttled function is visible again when the poller is closed."""
    function, queue = Function(lambda event: TooManyRequests("busy")), moto.make()
    moto.send(queue, "one")
    polled = poll(moto.client, queue, function)
    wait_until(lambda: function.events)
    polled.start_closing().result()
    assert moto.counts(queue) == (1, 0)


def test_close_waits_for_running_invocations(queues: Queues, poll: Poll) -> None:
    """A batch that runs when the poller is closed is completed and deleted; nothing else is received."""
    function, queue = Function(), queues.make()
    queues.send(queue, "one")
    polled = poll(queues.client, queue, function)
    wait_until(lambda: function.running)
    closing = polled.start_closing()
    queues.send(queue, "two")
    polled.finish()
    closing.result()
    assert queues.counts(queue) == (1, 0)
    assert function.seen == ["one"]
    assert polled.notes == []


def test_close_abandons_what_takes_too_long(moto: Queues, poll: Poll) -> None:
    """A batch that still runs after the grace period is left to the visibility timeout, and a note says so."""
    function, queue = Function(), moto.make()
    moto.send(queue, "one")
    polled = poll(moto.client, queue, function)
    wait_until(lambda: function.running)
    polled.start_closing(0.0).result()
    assert moto.counts(queue) == (0, 1)
    wait_for_notes(polled, "received again")


def test_source_can_be_disabled_and_enabled(moto: Queues, poll: Poll) -> None:
    """A disabled source receives no messages until it is enabled."""
    function, queue = Function(succeed), moto.make()
    moto.send(queue, "one")
    polled = poll(moto.client, queue, function, enabled=False)
    assert not polled.poller.is_enabled
    polled.run(lambda: polled.poller.enable())
    moto.wait_for(queue, 0, 0)
    polled.run(lambda: polled.poller.enable(False))
    moto.send(queue, "two")
    polled.start_closing().result()
    assert (function.seen, moto.counts(queue)) == (["one"], (1, 0))


def test_short_visibility_timeout_is_noted(moto: Queues, poll: Poll) -> None:
    """A visibility timeout below the function's timeout is noted in AWS's words."""
    queue = moto.make(VisibilityTimeout="1")
    polled = poll(moto.client, queue, Function(succeed), function_timeout_s=3.0)
    wait_for_notes(polled, "Queue visibility timeout: 1 seconds is less than Function timeout: 3 seconds")


@pytest.mark.parametrize("body", ["plain text", "[]", '{"unfinished', 'é\n\t"quoted"', "5"])
def test_body_arrives_unchanged(moto: Queues, poll: Poll, body: str) -> None:
    """The text of a body arrives as it was sent, whether it is JSON or not."""
    function, queue = Function(succeed), moto.make()
    moto.send(queue, body)
    poll(moto.client, queue, function)
    moto.wait_for(queue, 0, 0)
    assert function.seen == [body]
