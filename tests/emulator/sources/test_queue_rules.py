"""Rules of the poller that need a queue which fails: deletions, settings, and an endpoint that goes away."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, HTTPClientError, ReadTimeoutError

from awslambdaric_lite.common.quotas import MAX_PAYLOAD
from awslambdaric_lite.emulator.config.project import QueueSource
from awslambdaric_lite.emulator.errors import InvalidSource, LocalLambdaClosed, TooManyRequests, UnknownQualifier
from awslambdaric_lite.emulator.sources.batches import failed_ids
from awslambdaric_lite.emulator.sources.plan import check_source
from awslambdaric_lite.emulator.sources.queues import QueueAddress, sqs_client
from tests.emulator.waiting import wait_until

from .harness import FAILED, Function, Polled, Queues, wait_for_notes

Poll = Callable[..., Polled]
QUEUE = QueueAddress("http://queue.test/orders", "arn:aws:sqs:eu-west-1:123456789012:orders")
FIFO = QueueAddress("http://queue.test/orders.fifo", "arn:aws:sqs:eu-west-1:123456789012:orders.fifo")


class Refusal(Exception):
    """An exception of the shape of botocore's `ClientError`."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"refused: {code}")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}}


class ScriptedClient:
    """A client whose queue the test fills, and whose deletions answer as the test says."""

    def __init__(self) -> None:
        self.deletions: SimpleQueue[Exception | dict[str, Any]] = SimpleQueue()
        self.deleted: list[str] = []
        """Receipt handles of the deletions that succeeded."""
        self.given_back: list[str] = []
        self.visibility = "30"
        self.failures: list[Exception] = []
        """What the next receives raise."""
        self._batches: SimpleQueue[list[dict[str, Any]]] = SimpleQueue()

    def put(self, *messages: tuple[str, str], handle: str = "handle", **attributes: str) -> None:
        """Let the next receive return messages: ids and bodies."""
        self._batches.put(
            [
                {
                    "MessageId": message_id,
                    "ReceiptHandle": f"{handle}-{message_id}",
                    "Body": body,
                    "MD5OfBody": "0" * 32,
                    "Attributes": {"ApproximateReceiveCount": "1", **attributes},
                }
                for message_id, body in messages
            ]
        )

    def receive_message(self, **parameters: Any) -> dict[str, Any]:
        """Return the next messages, or none after a moment."""
        if self.failures:
            raise self.failures.pop()
        try:
            return {"Messages": self._batches.get(timeout=0.02)}
        except Empty:
            return {}

    def get_queue_attributes(self, **parameters: Any) -> dict[str, Any]:
        """Return the visibility timeout."""
        return {"Attributes": {"VisibilityTimeout": self.visibility}}

    def delete_message_batch(self, Entries: list[dict[str, str]], **parameters: Any) -> dict[str, Any]:
        """Delete messages, unless the test has put another outcome."""
        try:
            outcome = self.deletions.get_nowait()
        except Empty:
            outcome = {}
        if isinstance(outcome, Exception):
            raise outcome
        failed = {each["Id"] for each in outcome.get("Failed", ())}
        self.deleted += [each["ReceiptHandle"] for each in Entries if each["Id"] not in failed]
        return outcome

    def change_message_visibility_batch(self, Entries: list[dict[str, Any]], **parameters: Any) -> dict[str, Any]:
        """Record what becomes visible."""
        self.given_back += [each["ReceiptHandle"] for each in Entries if each["VisibilityTimeout"] == 0]
        return {}


@pytest.fixture
def client() -> ScriptedClient:
    """Return a client with an empty queue."""
    return ScriptedClient()


@pytest.mark.parametrize(
    "outcome",
    [
        OSError("connection reset"),
        Refusal(503, "ServiceUnavailable"),
        Refusal(429, "TooManyRequests"),
        Refusal(400, "ThrottlingException"),
        {"Failed": [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]},
    ],
)
def test_failed_deletion_is_retried(client: ScriptedClient, poll: Poll, outcome: Exception | dict[str, Any]) -> None:
    """A deletion that fails is repeated until it succeeds; the message is not processed a second time meanwhile."""
    client.deletions.put(outcome)
    client.deletions.put(outcome)
    client.put(("1", "one"))
    function = Function(lambda event: None)
    polled = poll(client, QUEUE, function)
    wait_until(lambda: client.deletions.qsize() < 2)
    client.put(("1", "one"), handle="newer")
    client.put(("2", "two"))
    wait_until(lambda: len(client.deleted) == 2)
    assert function.seen == ["one", "two"]
    assert polled.notes == []


@pytest.mark.parametrize(
    "outcome",
    [
        {"Failed": [{"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid", "Message": "expired"}]},
        Refusal(400, "AWS.SimpleQueueService.NonExistentQueue"),
    ],
)
def test_refused_deletion_is_noted(client: ScriptedClient, poll: Poll, outcome: Exception | dict[str, Any]) -> None:
    """A deletion that the queue refuses is noted and not repeated; the message is processed when it comes again."""
    client.deletions.put(outcome)
    client.put(("1", "one"))
    function = Function(lambda event: None)
    polled = poll(client, QUEUE, function)
    wait_for_notes(polled, "message 1 cannot be deleted and will be received again")
    client.put(("1", "one"), handle="newer")
    wait_until(lambda: client.deleted == ["newer-1"])
    assert function.seen == ["one", "one"]


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (OSError("connection refused"), "http://queue.test/orders does not answer: connection refused; retrying"),
        (Refusal(503, "ServiceUnavailable"), "does not answer: refused: ServiceUnavailable; retrying"),
        (Refusal(400, "QueueDoesNotExist"), "http://queue.test/orders refuses requests: refused: QueueDoesNotExist"),
        (KeyError("MD5OfBody"), "does not answer: 'MD5OfBody'; retrying"),
        *(
            (lost(endpoint_url="http://queue.test", error="reset"), "http://queue.test/orders does not answer: ")
            for lost in (ConnectionClosedError, EndpointConnectionError, HTTPClientError, ReadTimeoutError)
        ),
    ],
)
def test_failed_receive_is_noted_once(client: ScriptedClient, poll: Poll, failure: Exception, text: str) -> None:
    """Requests that fail are retried; one note says why, and another one that they succeed again."""
    client.failures += [failure, failure, failure]
    client.put(("1", "one"))
    polled = poll(client, QUEUE, Function(lambda event: None))
    wait_until(lambda: client.deleted == ["handle-1"])
    wait_for_notes(polled, text, "source Orders: http://queue.test/orders answers again")


def test_closing_retries_deletions(client: ScriptedClient, poll: Poll) -> None:
    """The deletion of a batch that ran is retried while the poller closes."""
    client.put(("1", "one"))
    function = Function()
    polled = poll(client, QUEUE, function)
    wait_until(lambda: function.running)
    client.deletions.put(OSError("connection reset"))
    closing = polled.start_closing()
    polled.finish()
    closing.result()
    assert client.deleted == ["handle-1"]


def test_closed_platform_ends_the_polling(client: ScriptedClient, poll: Poll) -> None:
    """If the local Lambda is closed first, it returns messages to the queue and receives no more."""
    client.put(("1", "one"))
    client.put(("2", "two"))
    function = Function(lambda event: LocalLambdaClosed("closed"))
    polled = poll(client, QUEUE, function, maximum_concurrency=2)
    wait_until(lambda: "handle-1" in client.given_back)
    polled.start_closing().result()
    assert client.deleted == []
    assert len(function.events) <= 2


def test_function_that_cannot_run_is_noted_once(client: ScriptedClient, poll: Poll) -> None:
    """Messages of a function that cannot run stay in the queue; one note says why."""
    client.put(("1", "one"))
    client.put(("2", "two"))
    function = Function(lambda event: UnknownQualifier("function orders-function has no alias live"))
    polled = poll(client, QUEUE, function)
    wait_until(lambda: len(function.events) == 2)
    wait_for_notes(polled, "source Orders: function orders-function has no alias live")
    assert client.deleted == client.given_back == []


def test_throttled_batch_is_left_at_the_visibility_timeout(client: ScriptedClient, poll: Poll) -> None:
    """A batch that is throttled until its messages are visible again is abandoned, because others may receive it."""
    client.visibility = "0"
    client.put(("1", "one"))
    function = Function(lambda event: TooManyRequests("busy"))
    polled = poll(client, QUEUE, function)
    wait_for_notes(polled, "1 message throttled until the visibility timeout")
    assert (function.seen, client.deleted, client.given_back) == (["one"], [], [])


def test_large_batch_is_split_by_the_payload_limit(client: ScriptedClient, poll: Poll) -> None:
    """Messages whose event would exceed the limit of a payload are processed by several invocations, in order."""
    client.put(*((str(number), "x" * (MAX_PAYLOAD // 3)) for number in range(5)))
    function = Function(lambda event: None)
    poll(client, QUEUE, function)
    wait_until(lambda: len(client.deleted) == 5)
    ids = [[record["messageId"] for record in event["Records"]] for event in function.events]
    assert ids == [["0", "1"], ["2", "3"], ["4"]]
    assert all(len(json.dumps(event, separators=(",", ":"))) <= MAX_PAYLOAD for event in function.events)


def test_group_does_not_overtake_its_failed_messages(client: ScriptedClient, poll: Poll) -> None:
    """If a large batch of a FIFO queue is split and the first part fails, the rest of its group is not processed."""
    client.put(*((str(number), "x" * (MAX_PAYLOAD // 3)) for number in range(3)), MessageGroupId="a")
    function = Function(lambda event: FAILED)
    poll(client, FIFO, function)
    wait_until(lambda: function.events)
    client.put(("9", "next"), MessageGroupId="b")
    wait_until(lambda: len(function.events) == 2)
    ids = [[record["messageId"] for record in event["Records"]] for event in function.events]
    assert ids == [["0", "1"], ["9"]]
    assert client.deleted == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"{}", b'{"batchItemFailures": null}', b'{"batchItemFailures": []}', b'{"statusCode": 200}'],
)
def test_response_without_failures_is_success(payload: bytes) -> None:
    """Nothing, null, an object without failures and an empty list mean that the whole batch succeeded."""
    assert failed_ids(payload, {"a", "b"}) == set()


def test_reported_ids_have_failed() -> None:
    """The ids in the list have failed, however often they are in it."""
    items = [{"itemIdentifier": "a"}, {"itemIdentifier": "a", "more": 1}]
    assert failed_ids(json.dumps({"batchItemFailures": items}).encode(), {"a", "b"}) == {"a"}


@pytest.mark.parametrize(
    "payload",
    [
        "{",
        '"ok"',
        "5",
        "[]",
        '{"batchItemFailures": {}}',
        '{"batchItemFailures": "a"}',
        '{"batchItemFailures": ["a"]}',
        '{"batchItemFailures": [null]}',
        '{"batchItemFailures": [{"itemIdentifier": ""}]}',
        '{"batchItemFailures": [{"itemIdentifier": null}]}',
        '{"batchItemFailures": [{"itemIdentifier": 1}]}',
        '{"batchItemFailures": [{"itemIdentifier": ["a"]}]}',
        '{"batchItemFailures": [{"itemidentifier": "a"}]}',
        '{"batchItemFailures": [{"id": "a"}]}',
        '{"batchItemFailures": [{}]}',
        '{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]}',
        "[" * 2000,
    ],
)
def test_malformed_response_fails_the_whole_batch(client: ScriptedClient, poll: Poll, payload: str) -> None:
    """A malformed response, or one with an unknown id, fails the whole batch, and a note says why."""
    client.put(("a", "one"), ("b", "two"))
    polled = poll(client, QUEUE, Function(lambda event: payload.encode()), report_batch_item_failures=True)
    wait_for_notes(polled, "the whole batch has failed: ")
    assert client.deleted == client.given_back == []


def test_other_responses_do_not_count_without_partial_batch_responses(client: ScriptedClient, poll: Poll) -> None:
    """Without partial batch responses any response without an error is success."""
    client.put(("a", "one"))
    poll(client, QUEUE, Function(lambda event: {"batchItemFailures": [{"itemIdentifier": "a"}]}))
    wait_until(lambda: client.deleted == ["handle-a"])


@pytest.mark.parametrize(
    ("settings", "is_fifo", "part"),
    [
        ({"batch_size": 0}, False, "batch size 0 is out of range; it is 1 to 10000"),
        ({"batch_size": 10_001, "window_s": 1}, False, "batch size 10001 is out of range"),
        ({"batch_size": 11}, True, "it is 1 to 10"),
        ({"batch_size": 11}, False, "batch size 11 needs a batching window of 1 s or more"),
        ({"window_s": 301}, False, "batching window 301 s is out of range"),
        ({"window_s": -1}, False, "batching window -1 s is out of range"),
        ({"window_s": 1}, True, "a FIFO queue has no batching window"),
        ({"maximum_concurrency": 1}, False, "maximum concurrency 1 is out of range; it is 2 to 1000"),
        ({"maximum_concurrency": 1001}, True, "maximum concurrency 1001"),
    ],
)
def test_settings_that_aws_refuses_are_errors(settings: dict[str, int], is_fifo: bool, part: str) -> None:
    """A setting outside of AWS's limits is an error that names the source, the value and the limits."""
    with pytest.raises(InvalidSource, match="source Orders: ") as raised:
        check_source(QueueSource("Orders", "function", "Queue", **settings), is_fifo=is_fifo)  # type: ignore[arg-type]
    assert part in str(raised.value)


def test_poller_refuses_bad_filters(client: ScriptedClient, poll: Poll) -> None:
    """A filter that is not a pattern is an error when the poller is made."""
    with pytest.raises(InvalidSource, match=r"'body\.a' is an empty list"):
        poll(client, QUEUE, Function(), filters=('{"body": {"a": []}}',))


def test_undocumented_filters_are_noted(client: ScriptedClient, poll: Poll) -> None:
    """Operators and keys that Lambda does not document for SQS work, and a note names each."""
    filters = ('{"body": {"a": [{"wildcard": "*"}]}, "messageId": ["1"]}',)
    polled = poll(client, QUEUE, Function(), filters=filters)
    wait_for_notes(polled, "filter operator wildcard", "filters of SQS on body only; AWS may refuse 'messageId'")


class RestartedMoto:
    """A server of moto's that can be stopped and started again at its port, with the same queues."""

    def __init__(self) -> None:
        self._server: Any = None
        self._port = 0

    def start(self) -> str:
        """Start the server; return its address."""
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.stop()
            self._server = None


@pytest.fixture
def restarted_moto(moto_url: str) -> Iterator[RestartedMoto]:
    """Yield a server that is stopped after the test; `moto_url` has imported moto without its warnings."""
    server = RestartedMoto()
    yield server
    server.stop()


def test_endpoint_goes_away_and_comes_back(restarted_moto: RestartedMoto, poll: Poll) -> None:
    """While the endpoint is away, one note says so; when it is back, nothing is lost or processed twice."""
    client = sqs_client(restarted_moto.start(), "us-east-1")
    queues, function = Queues(client), Function()
    queue = queues.make()
    queues.send(queue, "one")
    polled = poll(client, queue, function)
    wait_until(lambda: function.running)
    restarted_moto.stop()
    polled.finish()
    wait_for_notes(polled, "does not answer")
    restarted_moto.start()
    wait_for_notes(polled, "does not answer", "answers again")
    queues.send(queue, "two")
    wait_until(lambda: function.running)
    polled.finish()
    queues.wait_for(queue, 0, 0)
    assert function.seen == ["one", "two"]
    polled.start_closing().result()
    client.close()


def test_silent_endpoint_does_not_prevent_closing(poll: Poll) -> None:
    """A poller whose endpoint accepts requests and does not answer is closed after the grace period."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = sqs_client(f"http://127.0.0.1:{server.getsockname()[1]}", "us-east-1")
        polled = poll(client, QUEUE, Function())
        with server.accept()[0]:
            polled.start_closing(0.01).result()
            wait_for_notes(polled, "closed before all messages were processed")
    client.close()


def test_client_threads_end_with_the_poller(client: ScriptedClient, poll: Poll) -> None:
    """A closed poller leaves no thread behind."""
    client.put(("1", "one"))
    polled = poll(client, QUEUE, Function(lambda event: None))
    wait_until(lambda: client.deleted)
    polled.start_closing().result()
    wait_until(lambda: not any(thread.name.startswith("queue-poller") for thread in threading.enumerate()))
