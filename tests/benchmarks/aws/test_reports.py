"""REPORT lines, in text and in JSON, as the platform and the local Lambda write them."""

from __future__ import annotations

import base64
import json

import pytest

from awslambdaric_lite.emulator import Report as LocalReport
from benchmarks.aws.reports import NoReport, Report, parse_tail

ID = "32f5cbf1-dd22-422a-a566-8965da5a3465"
COLD = (
    f"REPORT RequestId: {ID}\tDuration: 8.40 ms\tBilled Duration: 179 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 66 MB\tInit Duration: 170.13 ms\t"
)


def tail(*lines: str) -> str:
    """Return the tail of a log as Invoke does."""
    return base64.b64encode("\n".join([*lines, ""]).encode()).decode()


def figures(report: Report) -> tuple[float, ...]:
    """Return duration, billed duration, memory and init."""
    return report.duration, report.billed, report.max_memory, report.init or 0.0


def test_cold_start_is_read_from_text() -> None:
    """A REPORT line is read in seconds and bytes; lines before it, also cut ones, are ignored."""
    found = parse_tail(tail("rsion: $LATEST", "hello", f"END RequestId: {ID}", COLD))

    assert figures(found) == pytest.approx((0.0084, 0.179, 66 * 2**20, 0.17013))


def test_warm_invocation_has_no_init() -> None:
    """A REPORT line without an Init Duration is a warm invocation, in any order of fields."""
    fields = ["Billed Duration: 2 ms", "Duration: 1.5 ms", "Max Memory Used: 30 MB", "Memory Size: 128 MB", ""]
    line = "\t".join([f"REPORT RequestId: {ID}", *fields])
    found = parse_tail(tail(line, "XRAY TraceId: 1-5e1b4151-5ac6c58f3f5b5c5d5e5f5a5b\tSegmentId: 1\tSampled: true"))

    assert found.init is None
    assert figures(found) == pytest.approx((0.0015, 0.002, 30 * 2**20, 0.0))


def test_last_report_is_read() -> None:
    """The last REPORT line counts, because the log tail may begin with an earlier invocation."""
    earlier = COLD.replace("8.40", "99.00")
    assert parse_tail(tail(earlier, COLD)).duration == pytest.approx(0.0084)


def test_printed_report_is_ignored() -> None:
    """A line that a handler prints is not read as a report."""
    said = "Duration: 1 ms\tREPORT RequestId: no"
    assert parse_tail(tail(COLD, said)).init == pytest.approx(0.17013)
    assert parse_tail(tail(COLD, '{"type": "platform.start"}', "{broken", "[1]")).init == pytest.approx(0.17013)


def test_json_report_has_same_figures() -> None:
    """A `platform.report` record has the same figures as the REPORT line."""
    metrics = {"durationMs": 8.4, "billedDurationMs": 179, "memorySizeMB": 128, "maxMemoryUsedMB": 66}
    record = {"requestId": ID, "status": "success", "metrics": {**metrics, "initDurationMs": 170.13}}
    event = {"time": "2025-01-01T00:00:00.000Z", "type": "platform.report", "record": record}

    assert parse_tail(tail('{"message": "hello"}', json.dumps(event))) == parse_tail(tail(COLD))


def test_status_is_read() -> None:
    """The status of a timeout or an error is read."""
    assert parse_tail(tail(f"{COLD}Status: timeout")).status == "timeout"


def test_local_lambda_report_is_read() -> None:
    """The report of the local Lambda is read like AWS's."""
    local = LocalReport(ID, 12.34, 128, 40, init_duration_ms=56.78)

    found = parse_tail(tail(local.line()))
    assert figures(found) == pytest.approx((0.01234, 0.07, 40 * 2**20, 0.05678))


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (tail("START", "END"), "no REPORT in the log"),
        ("", "no REPORT in the log"),
        ("%%%", "not base64"),
        (tail("REPORT RequestId: 1\tDuration: 3.0 ms\t"), "without its figures"),
        (tail('{"type": "platform.report", "record": {"metrics": {"durationMs": "x"}}}'), "without its figures"),
        (tail('{"type": "platform.report", "record": {"metrics": null}}'), "without its figures"),
    ],
)
def test_missing_report_shows_log(encoded: str, message: str) -> None:
    """A log without a report is an error that shows the end of the log."""
    with pytest.raises(NoReport, match=message):
        parse_tail(encoded)
