"""A queue that a project polls: its messages reach the function, in environments like those of other callers."""

from __future__ import annotations

import asyncio

import pytest

from awslambdaric_lite.emulator import UnknownFunction
from awslambdaric_lite.emulator.config.project import QueueSource
from awslambdaric_lite.emulator.project_service import ProjectService
from awslambdaric_lite.emulator.sources.queues import sqs_client

from ..loop_thread import LoopThread
from ..sources.harness import Queues
from ..waiting import wait_until
from .conftest import Projects


def test_messages_reach_their_function(projects: Projects) -> None:
    """Messages of a polled queue invoke the function, are deleted, and polling ends with the project."""
    from tests.layers.publishing import aws

    lines: list[str] = []
    projects.folder.joinpath("app.py").write_text(
        "def work(event, headers):\n    print(*(each['body'] for each in event['Records']), flush=True)\n"
    )
    loop = LoopThread()
    with aws.moto() as url:
        client = sqs_client(url, "us-east-1")
        queues = Queues(client)
        queue = queues.make()
        service = ProjectService(
            projects.project(projects.function("worker", "work")),
            on_log=lambda name, line: lines.append(f"{name} {line}"),
        )
        loop.wait(service.start())
        try:
            source = QueueSource("Jobs", "worker", "Queue")
            loop.run(lambda: service.poll(source, queue, client, lines.append))
            with pytest.raises(UnknownFunction):
                loop.run(lambda: service.poll(QueueSource("Bad", "other", "Queue"), queue, client, lines.append))
            queues.send(queue, "first")
            wait_until(lambda: "worker first" in lines)
            queues.wait_for(queue, 0, 0)
        finally:
            assert loop.wait(service.close()) == 0
            left = loop.run(lambda: [repr(task) for task in asyncio.all_tasks()])
            loop.stop()
        assert not [task for task in left if "QueuePoller" in task]
        client.close()
