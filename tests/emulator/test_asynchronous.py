"""Asynchronous invocations: acknowledged before they run, retried, recorded; a lost event is always reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import ApiOptions, InvalidFunction
from awslambdaric_lite.emulator.frontend.asynchronous import AsyncOptions

from .front_end import FrontEnd
from .waiting import WAIT, wait_until

MakeFrontEnd = Callable[..., FrontEnd]

# The handler appends each run to a file and fails the first `event["failures"]` times.
COUNTING = """
import json, os
def handler(event, headers):
    with open({notes!r}, "a") as notes:
        notes.write(json.dumps([headers, event, os.environ["AWS_LAMBDA_FUNCTION_VERSION"]]) + "\\n")
    with open({notes!r}) as notes:
        runs = len(notes.readlines())
    if runs <= event.get("failures", 0): raise ValueError("boom")
    return runs
"""
WAITING = """
import os, time
def handler(event, headers):
    open({begun!r}, "a").close()
    while not os.path.exists({gate!r}): time.sleep(0.005)
    return event
"""


class Files:
    """Paths of the files that a function and its queue write."""

    def __init__(self, folder: Path) -> None:
        self.notes, self.success, self.failure = folder / "notes", folder / "success", folder / "failure"
        self.begun, self.gate = folder / "begun", folder / "gate"
        self.counting = COUNTING.format(notes=str(self.notes))
        self.waiting = WAITING.format(begun=str(self.begun), gate=str(self.gate))

    def options(self, **settings: Any) -> AsyncOptions:
        """Return options with fast retries and both destinations."""
        return AsyncOptions(
            **{"retry_delay_scale": 0.0001, "on_success": self.success, "on_failure": self.failure, **settings}
        )

    @staticmethod
    def lines(path: Path) -> list[Any]:
        """Return the parsed lines of a file."""
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return the files of this test."""
    return Files(tmp_path)


def send(front_end: FrontEnd, event: object, **settings: Any) -> str:
    """Invoke asynchronously; return the request id."""
    response = front_end.client().invoke(
        **{"FunctionName": "function", "InvocationType": "Event", "Payload": json.dumps(event), **settings}
    )
    assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
    assert "ExecutedVersion" not in response
    return str(response["ResponseMetadata"]["RequestId"])


def test_event_is_acknowledged_before_it_runs(make_front_end: MakeFrontEnd, files: Files) -> None:
    """An asynchronous event is acknowledged before it runs; the success record contains the result."""
    front_end = make_front_end(files.waiting, files.options(), aliases={"live": "3"})
    request_id = send(front_end, {"n": 1}, Qualifier="live", TenantId="blue")
    wait_until(files.begun.exists)
    assert len(front_end.queue) == 1
    files.gate.touch()
    front_end.wait(front_end.queue.idle())
    [record] = files.lines(files.success)
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": "arn:aws:lambda:us-east-1:012345678912:function:function:live",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert record["requestPayload"] == record["responsePayload"] == {"n": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "3"}
    assert len(front_end.queue) == 0 and not files.failure.exists()


def test_asynchronous_event_drops_client_context(make_front_end: MakeFrontEnd, files: Files) -> None:
    """An asynchronous event reaches the function with its tenant id and without its client context."""
    front_end = make_front_end(files.counting, files.options())
    send(front_end, {}, ClientContext="e30=", TenantId="blue")
    front_end.wait(front_end.queue.idle())
    [[headers, _, _]] = files.lines(files.notes)
    assert "lambda-runtime-client-context" not in headers
    assert headers["lambda-runtime-aws-tenant-id"] == "blue"


@pytest.mark.parametrize(
    ("failures", "attempts", "runs", "condition"),
    [(1, 2, 2, "Success"), (2, 2, 3, "Success"), (9, 2, 3, "RetriesExhausted"), (9, 0, 1, "RetriesExhausted")],
)
def test_failed_event_is_retried(
    make_front_end: MakeFrontEnd, files: Files, failures: int, attempts: int, runs: int, condition: str
) -> None:
    """A failed event is retried up to two times, with the same request id and a new attempt id each time."""
    options = files.options(maximum_retry_attempts=attempts)
    front_end = make_front_end(files.counting, options, api=ApiOptions(invocation_ids=True))
    request_id = send(front_end, {"failures": failures})
    front_end.wait(front_end.queue.idle())
    noted = [headers for headers, _, _ in files.lines(files.notes)]
    assert [headers["lambda-runtime-aws-request-id"] for headers in noted] == [request_id] * runs
    assert len({headers["lambda-runtime-invocation-id"] for headers in noted}) == runs
    assert len({headers["lambda-runtime-trace-id"] for headers in noted}) == 1
    [record] = files.lines(files.success) + files.lines(files.failure)
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == (
        condition,
        runs,
    )
    assert ("functionError" in record["responseContext"]) == (condition != "Success")
    assert files.success.exists() == (condition == "Success")


def test_event_too_old_is_not_retried(make_front_end: MakeFrontEnd, files: Files) -> None:
    """An event whose next retry would exceed its maximum age fails; its record contains the last error."""
    options = files.options(retry_delay_scale=1.0, maximum_event_age_s=60)
    front_end = make_front_end(files.counting, options)
    send(front_end, {"failures": 9})
    front_end.wait(front_end.queue.idle())
    [record] = files.lines(files.failure)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorMessage"] == "boom"


@pytest.mark.parametrize("age", [0.2, 60])
def test_event_waits_for_busy_function(make_front_end: MakeFrontEnd, files: Files, age: float) -> None:
    """Events wait for free concurrency until their maximum age."""
    options = files.options(maximum_event_age_s=age)
    front_end = make_front_end(files.waiting, options, concurrency=1)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(front_end.client().invoke, FunctionName="function")
        wait_until(files.begun.exists)
        send(front_end, "later")
        if age < 1:
            front_end.wait(front_end.queue.idle())
        files.gate.touch()
        assert running.result(WAIT)["StatusCode"] == 200
    front_end.wait(front_end.queue.idle())
    [record] = files.lines(files.success) + files.lines(files.failure)
    assert record["requestPayload"] == "later"
    if age < 1:
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert record["requestContext"]["approximateInvokeCount"] == 0
        assert "responsePayload" not in record
    else:
        assert record["responsePayload"] == "later"


def test_thousand_events_run_once_each(make_front_end: MakeFrontEnd, files: Files) -> None:
    """Two environments run each of a thousand events exactly once."""
    front_end = make_front_end("def handler(event, headers):\n    return event\n", files.options(), concurrency=2)
    client = front_end.client()
    with ThreadPoolExecutor(8) as threads:
        statuses = threads.map(
            lambda n: client.invoke(FunctionName="function", InvocationType="Event", Payload=str(n))["StatusCode"],
            range(1000),
        )
        assert set(statuses) == {202}
    front_end.wait(front_end.queue.idle())
    records = files.lines(files.success)
    assert sorted(record["responsePayload"] for record in records) == list(range(1000))
    assert len(front_end.host.pool.environments) <= 2
    assert front_end.close_function() == 0


def test_close_counts_unfinished_events(make_front_end: MakeFrontEnd, files: Files) -> None:
    """Closing the queue counts running and waiting events as lost."""
    front_end = make_front_end(files.waiting, files.options(), concurrency=1)
    for n in range(3):
        send(front_end, n)
    wait_until(files.begun.exists)
    assert front_end.close_function() == 3
    assert not files.success.exists() and not files.failure.exists()


def test_close_counts_event_awaiting_retry(make_front_end: MakeFrontEnd, files: Files) -> None:
    """Closing the queue counts an event that waits for its retry as lost."""
    front_end = make_front_end(files.counting, files.options(retry_delay_scale=1.0))
    send(front_end, {"failures": 9})
    wait_until(lambda: files.lines(files.notes) and not front_end.busy)
    assert front_end.close_function() == 1


def test_unwritable_record_is_logged_and_lost(
    make_front_end: MakeFrontEnd, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that cannot be written is logged with its request id and counted as lost."""
    files.success.mkdir()
    front_end = make_front_end(files.counting, files.options())
    request_id = send(front_end, {})
    front_end.wait(front_end.queue.idle())
    assert front_end.close_function() == 1
    assert request_id in caplog.text and "Is a directory" in caplog.text


def test_invoke_async_queues_smaller_events(make_front_end: MakeFrontEnd, files: Files) -> None:
    """InvokeAsync, with or without a trailing slash, queues events of at most 262,144 bytes."""
    front_end = make_front_end(files.counting, files.options(), aliases={"live": "3"})
    client = front_end.client()
    assert client.invoke_async(FunctionName="function:live", InvokeArgs=b'{"n":1}')["Status"] == 202
    front_end.wait(front_end.queue.idle())
    [[_, event, version]] = files.lines(files.notes)
    assert (event, version) == ({"n": 1}, "3")
    with pytest.raises(client.exceptions.ClientError, match="262144") as raised:
        client.invoke_async(FunctionName="function", InvokeArgs=b'"' + b"x" * 262_143 + b'"')
    assert raised.value.response["Error"]["Code"] == "RequestTooLargeException"
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_async(FunctionName="function", InvokeArgs=b"{a")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"maximum_retry_attempts": 3}, "3 retry attempts .* 0 to 2"),
        ({"maximum_retry_attempts": -1}, "-1 retry attempts"),
        ({"maximum_event_age_s": 21601}, "21601 s .* up to 21600 s"),
        ({"maximum_event_age_s": 0}, "event age 0 s"),
        ({"retry_delay_scale": -1}, "scale -1"),
        ({"on_failure": Path("/no/such/folder/file")}, "/no/such/folder is not a directory"),
    ],
)
def test_option_out_of_range_is_rejected(settings: dict[str, Any], text: str) -> None:
    """The constructor rejects an option outside Lambda's range; the error states the option and the range."""
    with pytest.raises(InvalidFunction, match=text):
        AsyncOptions(**settings)
