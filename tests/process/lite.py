"""Our runtime as a real child process, with a handler written for one test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.conformance.recorder import Recorder
from awslambdaric_lite.conformance.server import React
from tests.support.client_process import BOOTSTRAPPED, LITE, Run, run_client

launchers = pytest.mark.parametrize("command", [LITE, BOOTSTRAPPED], ids=["module", "bootstrap"])
pipelines = pytest.mark.parametrize("pipeline", ["1", "0"], ids=["pipelined", "one by one"])

COUNTING = """
def handler(event, context):
    with open("runs.txt", "a") as file:
        file.write(context.aws_request_id + "\\n")
    return answer(event)

def answer(event):
    return event
"""


def write_app(task_root: Path, source: str) -> None:
    """Write the handler's module."""
    (task_root / "app.py").write_text(source, encoding="utf-8")


def run_lite(
    task_root: Path,
    source: str,
    events: Sequence[Event] = (Event(),),
    *,
    command: Sequence[str] = LITE,
    env: Mapping[str, str | None] | None = None,
    react: React | None = None,
    telemetry: bool = False,
    host: str = "127.0.0.1",
    limit: int | None = None,
    on_chunk: Callable[[bytes], object] | None = None,
    extensions: bool = True,
    address: Callable[[Recorder], str] = lambda recorder: recorder.address,
) -> Run:
    """Run `app.handler` with that source until it has answered all events and polls again, or exits."""
    write_app(task_root, source)
    return run_client(
        command,
        "app.handler",
        events,
        task_root=task_root,
        env=env,
        react=react,
        telemetry=telemetry,
        host=host,
        limit=limit,
        on_chunk=on_chunk,
        extensions=extensions,
        address=address,
    )


def numbered(count: int) -> list[Event]:
    """Return events whose body is their number, with ids `request-0` and so on."""
    return [Event(b"%d" % number) for number in range(count)]


def runs(task_root: Path) -> list[str]:
    """Return the request ids for which a `COUNTING` handler ran."""
    path = task_root / "runs.txt"
    return path.read_text().split() if path.exists() else []


def accepted(result: Run) -> Counter[str]:
    """Return the number of accepted replies for each invocation."""
    return Counter(request.request_id for request in result.replies if request.status == 202)


def bodies(result: Run) -> list[bytes]:
    """Return the bodies of all posts."""
    return [request.body for request in result.replies]


def one_line(result: Run) -> str:
    """Return stderr, which must be one line of the runtime."""
    text = result.stderr.decode()
    assert text.startswith("awslambdaric-lite: ") and text.endswith("\n") and text.count("\n") == 1, text
    return text
