"""The records of asynchronous invocations: their exact form, and how they get into a file."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.frontend.destinations import append_line, invocation_record
from awslambdaric_lite.emulator.results import Invocation, InvocationOutcome

ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"


def test_a_record_of_a_failure() -> None:
    """Every field, in order, as AWS documents it; an unqualified ARN is that of `$LATEST`."""
    event = Invocation(b'{"a": 1}', request_id="id-1", arn=ARN)
    record = invocation_record(
        event, "RetriesExhausted", 3, InvocationOutcome(b'{"errorMessage":"boom"}', error_type="Error")
    )
    timestamp = json.loads(record)["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp)
    assert record == (
        f'{{"version":"1.0","timestamp":"{timestamp}",'
        f'"requestContext":{{"requestId":"id-1","functionArn":"{ARN}:$LATEST",'
        '"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"a": 1},'
        '"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},'
        '"responsePayload":{"errorMessage":"boom"}}'
    )


def test_a_record_of_a_success() -> None:
    """No function error; the ARN and the version are those of the alias."""
    event = Invocation(b"{}", request_id="id-1", arn=f"{ARN}:live", version="3")
    record = json.loads(invocation_record(event, "Success", 1, InvocationOutcome(b'"fine"')))
    assert record["requestContext"]["functionArn"] == f"{ARN}:live"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "3"}
    assert record["responsePayload"] == "fine"


def test_an_event_that_never_ran() -> None:
    """There is no response to tell of."""
    record = json.loads(invocation_record(Invocation(b"{}", arn=ARN), "EventAgeExceeded", 0, None))
    assert "responseContext" not in record and "responsePayload" not in record
    assert record["requestContext"]["approximateInvokeCount"] == 0


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (
            b'{\n  "price": 1.10,\r\n  "id": 12345678901234567890123}',
            '{   "price": 1.10,    "id": 12345678901234567890123}',
        ),
        (b'"a\\nb"', '"a\\nb"'),
        (b"not json", '"not json"'),
        (b"\xff", '"\\ufffd"'),
        (b"", '""'),
    ],
)
def test_payloads_stand_as_they_were(payload: bytes, shown: str) -> None:
    """Digits and text unchanged, but on one line; what is not JSON is a string."""
    record = invocation_record(Invocation(b"{}", arn=ARN), "Success", 1, InvocationOutcome(payload))
    assert record.endswith(f'"responsePayload":{shown}}}')
    assert "\n" not in record and "\r" not in record
    json.loads(record)


def test_lines_of_many_writers_do_not_mix(tmp_path: Path) -> None:
    """Each line is whole, and the file is created."""
    path = tmp_path / "records.jsonl"
    lines = [f"{n}" * 3000 for n in range(100)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda line: append_line(path, line), lines))
    assert sorted(path.read_text().splitlines()) == sorted(lines)
