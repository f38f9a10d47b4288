"""Records of asynchronous invocations: their exact form, and how they are appended to a file."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.frontend.destinations import append_line, invocation_record
from awslambdaric_lite.emulator.results import FunctionOutcome, Invocation

ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"


def test_failure_record_has_documented_fields() -> None:
    """A failure record has every field in the documented order; an unqualified ARN gets `$LATEST`."""
    event = Invocation(b'{"a": 1}', request_id="id-1", arn=ARN)
    record = invocation_record(
        event, "RetriesExhausted", 3, FunctionOutcome(b'{"errorMessage":"boom"}', error_type="Error")
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


def test_success_record_has_alias_and_version() -> None:
    """A success record has the alias's ARN and version, and no function error."""
    event = Invocation(b"{}", request_id="id-1", arn=f"{ARN}:live", version="3")
    record = json.loads(invocation_record(event, "Success", 1, FunctionOutcome(b'"fine"')))
    assert record["requestContext"]["functionArn"] == f"{ARN}:live"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "3"}
    assert record["responsePayload"] == "fine"


def test_event_without_run_has_no_response() -> None:
    """The record of an event that was never invoked has no response fields."""
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
def test_payload_is_copied_on_one_line(payload: bytes, shown: str) -> None:
    """A record contains the payload's JSON text unchanged on one line; a payload that is not JSON becomes a string."""
    record = invocation_record(Invocation(b"{}", arn=ARN), "Success", 1, FunctionOutcome(payload))
    assert record.endswith(f'"responsePayload":{shown}}}')
    assert "\n" not in record and "\r" not in record
    json.loads(record)


def test_concurrent_lines_are_appended_whole(tmp_path: Path) -> None:
    """Concurrent writers create the file and append whole lines."""
    path = tmp_path / "records.jsonl"
    lines = [f"{n}" * 3000 for n in range(100)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda line: append_line(path, line), lines))
    assert sorted(path.read_text().splitlines()) == sorted(lines)
