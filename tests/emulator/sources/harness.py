"""A poller in an event loop of a thread, functions that record their invocations, and queues at real servers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

from awslambdaric_lite.emulator.config.project import QueueSource
from awslambdaric_lite.emulator.results import FunctionOutcome, Invocation
from awslambdaric_lite.emulator.sources.queue_poller import QueuePoller
from awslambdaric_lite.emulator.sources.queues import QueueAddress
from tests.emulator.loop_thread import LoopThread
from tests.emulator.waiting import WAIT, wait_until

Answer = Callable[[dict[str, Any]], object]
FAILED = FunctionOutcome(b'{"errorMessage": "boom"}', error_type="Function.Error")


class Function:
    """A function that records the events which it gets, and answers them when they come or when the test says so.

    `answer` returns the response, an outcome, or an exception of the platform, or raises nothing. Without one, an
    invocation runs until `finish`.
    """

    def __init__(self, answer: Answer | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.running: list[Invocation] = []
        self.most = 0
        """The largest number of invocations at the same time."""
        self.targets: list[tuple[str, str | None]] = []
        self._answer = answer

    def submit(self, name: str, qualifier: str | None, invocation: Invocation) -> None:
        """Take an invocation, as `SubmitTo` says."""
        event = json.loads(invocation.event)
        self.targets.append((name, qualifier))
        self.events.append(event)
        self.running.append(invocation)
        self.most = max(self.most, len(self.running))
        if self._answer is not None:
            self.finish(invocation, self._answer(event))

    def finish(self, invocation: Invocation, result: object = None) -> None:
        """Complete an invocation."""
        self.running.remove(invocation)
        if isinstance(result, Exception):
            invocation.abandon(result)
        elif isinstance(result, FunctionOutcome):
            invocation.answer(result)
        elif isinstance(result, bytes):
            invocation.answer(FunctionOutcome(result))
        else:
            invocation.answer(FunctionOutcome(json.dumps(result).encode()))

    def has_running(self, number: int) -> bool:
        """Return whether this number of invocations runs."""
        return len(self.running) == number

    @property
    def bodies(self) -> list[list[str]]:
        """The bodies of the messages of each event."""
        return [[record["body"] for record in event["Records"]] for event in self.events]

    @property
    def seen(self) -> list[str]:
        """The bodies of all messages, in order."""
        return [body for event in self.bodies for body in event]


class Queues:
    """Queues at a server, each with another name."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._made = 0

    def make(self, *, fifo: bool = False, **attributes: str) -> QueueAddress:
        """Create a queue."""
        self._made += 1
        if fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        name = f"queue{self._made}{id(self)}" + (".fifo" if fifo else "")
        url = self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return QueueAddress(url, self.attributes(url)["QueueArn"])

    def send(self, queue: QueueAddress, *bodies: str, **settings: Any) -> list[str]:
        """Send messages; return their ids."""
        sent: list[str] = []
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(at), "MessageBody": body, **settings} for at, body in enumerate(bodies[start : start + 10])
            ]
            answer = self.client.send_message_batch(QueueUrl=queue.url, Entries=entries)
            assert not answer.get("Failed"), answer
            sent += [each["MessageId"] for each in sorted(answer["Successful"], key=lambda each: int(each["Id"]))]
        return sent

    def attributes(self, url: str) -> dict[str, str]:
        """Return the attributes of a queue."""
        found: dict[str, str] = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found

    def counts(self, queue: QueueAddress) -> tuple[int, int]:
        """Return the numbers of visible and of invisible messages."""
        found = self.attributes(queue.url)
        return int(found["ApproximateNumberOfMessages"]), int(found["ApproximateNumberOfMessagesNotVisible"])

    def wait_for(self, queue: QueueAddress, visible: int, invisible: int) -> None:
        """Wait until the queue has these numbers of messages."""
        limit = time.monotonic() + WAIT
        while (found := self.counts(queue)) != (visible, invisible):
            assert time.monotonic() < limit, f"the queue has {found} messages, not {visible}, {invisible}"
            time.sleep(0.05)  # moto answers in the process of the test, which has other things to do


class Polled(LoopThread):
    """A poller that runs until `close`."""

    def __init__(
        self,
        client: Any,
        queue: QueueAddress,
        function: Function,
        *,
        function_timeout_s: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.function = function
        source = QueueSource("Orders", "orders-function", "Queue", **settings)

        def make() -> QueuePoller:
            return QueuePoller(
                source, *queue, client, function.submit, self.notes.append, function_timeout_s=function_timeout_s
            )

        try:
            self.poller = self.run(make)
        except BaseException:
            self.stop()
            raise
        self._run = self.start(self.poller.run())
        self._is_closed = False

    def finish(self, result: object = None) -> None:
        """Complete the invocation that runs first."""
        self.run(lambda: self.function.finish(self.function.running[0], result))

    def start_closing(self, grace_s: float = 60.0) -> Future[None]:
        """Begin to close the poller."""
        self._is_closed = True
        return self.start(self.poller.close(grace_s))

    def close(self) -> None:
        """Close the poller and its loop."""
        if not self._is_closed:
            self.start_closing().result()
        with contextlib.suppress(CancelledError):  # after a grace period that was too short
            self._run.result(60)
        self.stop()


def wait_for_notes(polled: Polled, *parts: str) -> None:
    """Wait until the poller has made exactly these notes, each with a part of its text."""

    def there() -> bool:
        return len(polled.notes) == len(parts) and all(map(str.__contains__, polled.notes, parts))

    wait_until(there, f"the poller has not made exactly these notes: {parts}")
