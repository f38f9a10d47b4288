"""Queues, their poller and a real function process together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.config.project import QueueSource
from awslambdaric_lite.emulator.results import Invocation
from awslambdaric_lite.emulator.service import FunctionService
from awslambdaric_lite.emulator.sources.queue_poller import QueuePoller
from awslambdaric_lite.emulator.sources.queues import QueueAddress
from tests.emulator.loop_thread import LoopThread
from tests.emulator.waiting import wait_until

from .harness import Queues

# Each invocation adds a line with the bodies of its messages; those that begin with "bad" fail at their first receive.
HANDLER = """
import json, os

def handler(event, context):
    with open({notes!r}, "a") as notes:
        notes.write(json.dumps([record["body"] for record in event["Records"]]) + "\\n")
    failed = [
        {{"itemIdentifier": record["messageId"]}}
        for record in event["Records"]
        if record["body"].startswith("bad") and record["attributes"]["ApproximateReceiveCount"] == "1"
    ]
    return {{"batchItemFailures": failed}}
"""


class Running(LoopThread):
    """A function, and the poller of its queue."""

    def __init__(self, folder: Path, **config: Any) -> None:
        super().__init__()
        self._seen = folder / "seen"
        self._seen.touch()
        (folder / "app.py").write_text(HANDLER.format(notes=str(self._seen)))
        self.notes: list[str] = []
        self._poller: QueuePoller | None = None
        self.service = self.run(lambda: FunctionService(FunctionConfig("app.handler", folder, **config)))
        self.wait(self.service.start())

    def poll(self, queues: Queues, queue: QueueAddress, **settings: Any) -> None:
        """Start the poller."""

        def submit(name: str, qualifier: str | None, invocation: Invocation) -> None:
            self.service.host.submit(invocation)

        source = QueueSource("Orders", "function", "Queue", report_batch_item_failures=True, **settings)
        poller = self._poller = QueuePoller(source, *queue, queues.client, submit, self.notes.append)
        self.start(poller.run())

    @property
    def seen(self) -> list[str]:
        """The bodies that the function has seen, in order."""
        return [body for line in self._seen.read_text().splitlines() for body in json.loads(line)]

    def close(self) -> None:
        """Close the poller, then the function."""
        if self._poller is not None:
            self.wait(self._poller.close())
        self.wait(self.service.close())
        self.stop()


@pytest.fixture
def run_function(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Yield a function that starts the function with settings of its configuration."""
    started: list[Running] = []

    def start(**config: Any) -> Running:
        started.append(Running(tmp_path, **config))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.mark.parametrize(
    ("server", "number"),
    # moto needs a time that grows with the square of the number.
    [("moto", 100), ("elasticmq", 1000)],
)
def test_each_message_is_processed_once(
    request: pytest.FixtureRequest, run_function: Callable[..., Running], server: str, number: int
) -> None:
    """A function whose concurrency is below that of its source gets each message once; none is lost."""
    queues: Queues = request.getfixturevalue(server)
    queue = queues.make()
    bodies = [f"message {each}" for each in range(number)]
    queues.send(queue, *bodies)
    running = run_function(concurrency=2)
    running.poll(queues, queue)
    wait_until(lambda: len(running.seen) >= number)
    queues.wait_for(queue, 0, 0)
    assert Counter(running.seen) == Counter(bodies)
    assert running.notes == []


def test_reported_messages_are_processed_again(queues: Queues, run_function: Callable[..., Running]) -> None:
    """Messages that a function process reports as failed reach it again, and no others do."""
    queue = queues.make(VisibilityTimeout="1")
    queues.send(queue, "good", "bad one", "fine", "bad two")
    running = run_function()
    running.poll(queues, queue)
    queues.wait_for(queue, 0, 0)
    assert Counter(running.seen) == Counter({"good": 1, "fine": 1, "bad one": 2, "bad two": 2})


def test_groups_keep_their_order(elasticmq: Queues, run_function: Callable[..., Running]) -> None:
    """A function process sees the messages of each group of a FIFO queue in the order in which they were sent."""
    queue = elasticmq.make(fifo=True)
    for number in range(10):
        for group in "abc":
            elasticmq.send(queue, f"{group}{number}", MessageGroupId=group)
    running = run_function()
    running.poll(elasticmq, queue, batch_size=2)
    wait_until(lambda: len(running.seen) >= 30)
    elasticmq.wait_for(queue, 0, 0)
    for group in "abc":
        assert [body for body in running.seen if body[0] == group] == [f"{group}{number}" for number in range(10)]
