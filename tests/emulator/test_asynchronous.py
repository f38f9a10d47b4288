"""Asynchronous invocations: accepted at once, retried, recorded, and none lost without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import ApiOptions, InvalidFunction
from awslambdaric_lite.emulator.frontend.asynchronous import AsyncOptions

from .front_end import WAIT, FrontEnd, await_that

MakeFrontEnd = Callable[..., FrontEnd]

# Notes each run in a file, and fails the first `event["failures"]` times.
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
    """Where a function notes its runs, and where the records go."""

    def __init__(self, folder: Path) -> None:
        self.notes, self.success, self.failure = folder / "notes", folder / "success", folder / "failure"
        self.begun, self.gate = folder / "begun", folder / "gate"
        self.counting = COUNTING.format(notes=str(self.notes))
        self.waiting = WAITING.format(begun=str(self.begun), gate=str(self.gate))

    def options(self, **settings: Any) -> AsyncOptions:
        """Fast retries and both destinations."""
        return AsyncOptions(
            **{"retry_delay_scale": 0.0001, "on_success": self.success, "on_failure": self.failure, **settings}
        )

    @staticmethod
    def lines(path: Path) -> list[Any]:
        """The parsed lines of a file."""
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Files of this test."""
    return Files(tmp_path)


def send(front_end: FrontEnd, event: object, **settings: Any) -> str:
    """Invoke asynchronously; return the request id."""
    response = front_end.client().invoke(
        **{"FunctionName": "function", "InvocationType": "Event", "Payload": json.dumps(event), **settings}
    )
    assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
    assert "ExecutedVersion" not in response
    return str(response["ResponseMetadata"]["RequestId"])


def test_accepted_at_once_and_run(make_front_end: MakeFrontEnd, files: Files) -> None:
    """The caller is answered while the function runs; the record of the success has the result."""
    front_end = make_front_end(files.waiting, files.options(), aliases={"live": "3"})
    request_id = send(front_end, {"n": 1}, Qualifier="live", TenantId="blue")
    await_that(files.begun.exists)
    assert len(front_end.queue) == 1
    files.gate.touch()
    front_end.run(front_end.queue.idle)
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


def test_the_client_context_is_for_synchronous_calls(make_front_end: MakeFrontEnd, files: Files) -> None:
    """It does not reach the function; the tenant does."""
    front_end = make_front_end(files.counting, files.options())
    send(front_end, {}, ClientContext="e30=", TenantId="blue")
    front_end.run(front_end.queue.idle)
    [[headers, _, _]] = files.lines(files.notes)
    assert "lambda-runtime-client-context" not in headers
    assert headers["lambda-runtime-aws-tenant-id"] == "blue"


@pytest.mark.parametrize(
    ("failures", "attempts", "runs", "condition"),
    [(1, 2, 2, "Success"), (2, 2, 3, "Success"), (9, 2, 3, "RetriesExhausted"), (9, 0, 1, "RetriesExhausted")],
)
def test_function_errors_are_retried(
    make_front_end: MakeFrontEnd, files: Files, failures: int, attempts: int, runs: int, condition: str
) -> None:
    """Up to two more times, each with the same request id and an attempt id of its own."""
    options = files.options(maximum_retry_attempts=attempts)
    front_end = make_front_end(files.counting, options, api=ApiOptions(invocation_ids=True))
    request_id = send(front_end, {"failures": failures})
    front_end.run(front_end.queue.idle)
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


def test_an_event_too_old_for_a_retry(make_front_end: MakeFrontEnd, files: Files) -> None:
    """It is given up as soon as its next attempt would come too late; the record has the last error."""
    options = files.options(retry_delay_scale=1.0, maximum_event_age_s=60)
    front_end = make_front_end(files.counting, options)
    send(front_end, {"failures": 9})
    front_end.run(front_end.queue.idle)
    [record] = files.lines(files.failure)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorMessage"] == "boom"


@pytest.mark.parametrize("age", [0.2, 60])
def test_a_busy_function_is_waited_for(make_front_end: MakeFrontEnd, files: Files, age: float) -> None:
    """Events wait while synchronous calls take all of the concurrency, as long as their age allows."""
    options = files.options(maximum_event_age_s=age)
    front_end = make_front_end(files.waiting, options, concurrency=1)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(front_end.client().invoke, FunctionName="function")
        await_that(files.begun.exists)
        send(front_end, "later")
        if age < 1:
            front_end.run(front_end.queue.idle)
        files.gate.touch()
        assert running.result(WAIT)["StatusCode"] == 200
    front_end.run(front_end.queue.idle)
    [record] = files.lines(files.success) + files.lines(files.failure)
    assert record["requestPayload"] == "later"
    if age < 1:
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert record["requestContext"]["approximateInvokeCount"] == 0
        assert "responsePayload" not in record
    else:
        assert record["responsePayload"] == "later"


def test_a_thousand_events_on_two_environments(make_front_end: MakeFrontEnd, files: Files) -> None:
    """All of them run, once each."""
    front_end = make_front_end("def handler(event, headers):\n    return event\n", files.options(), concurrency=2)
    client = front_end.client()
    with ThreadPoolExecutor(8) as threads:
        statuses = threads.map(
            lambda n: client.invoke(FunctionName="function", InvocationType="Event", Payload=str(n))["StatusCode"],
            range(1000),
        )
        assert set(statuses) == {202}
    front_end.run(front_end.queue.idle)
    records = files.lines(files.success)
    assert sorted(record["responsePayload"] for record in records) == list(range(1000))
    assert len(front_end.host.pool.environments) <= 2
    assert front_end.close_function() == 0


def test_closing_tells_what_is_lost(make_front_end: MakeFrontEnd, files: Files) -> None:
    """Events that run, wait for their turn or wait for a retry are counted."""
    front_end = make_front_end(files.waiting, files.options(), concurrency=1)
    for n in range(3):
        send(front_end, n)
    await_that(files.begun.exists)
    assert front_end.close_function() == 3
    assert not files.success.exists() and not files.failure.exists()


def test_closing_while_a_retry_is_due(make_front_end: MakeFrontEnd, files: Files) -> None:
    """An event that would have run again in a minute is counted."""
    front_end = make_front_end(files.counting, files.options(retry_delay_scale=1.0))
    send(front_end, {"failures": 9})
    await_that(lambda: files.lines(files.notes) and not front_end.busy)
    assert front_end.close_function() == 1


def test_a_record_that_cannot_be_written(
    make_front_end: MakeFrontEnd, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its request id and counted as lost."""
    files.success.mkdir()
    front_end = make_front_end(files.counting, files.options())
    request_id = send(front_end, {})
    front_end.run(front_end.queue.idle)
    assert front_end.close_function() == 1
    assert request_id in caplog.text and "Is a directory" in caplog.text


def test_the_legacy_call(make_front_end: MakeFrontEnd, files: Files) -> None:
    """InvokeAsync queues, too, with a smaller limit; with a slash at its end as in the API reference, or without."""
    front_end = make_front_end(files.counting, files.options(), aliases={"live": "3"})
    client = front_end.client()
    assert client.invoke_async(FunctionName="function:live", InvokeArgs=b'{"n":1}')["Status"] == 202
    front_end.run(front_end.queue.idle)
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
def test_options_outside_of_what_lambda_takes(settings: dict[str, Any], text: str) -> None:
    """Each is refused at once, by name and with the range."""
    with pytest.raises(InvalidFunction, match=text):
        AsyncOptions(**settings)
