"""The format of lambda-perf's data."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from benchmarks.aws.coldstarts import ColdStarts
from benchmarks.aws.lambda_perf import document, text
from benchmarks.aws.reports import Report
from benchmarks.aws.variants import Deployment, Variant

VARIANT = Variant("lite-provided", "lite, python3.13 (prov.al2023)", "provided.al2023", "arm64", b"")
MIB = 2**20


def measured(*inits: float) -> ColdStarts:
    """Return cold starts with these init durations in seconds."""
    reports = [Report(0.002 * (i + 1), 0.1, (30 + i) * MIB, init) for i, init in enumerate(inits)]
    return ColdStarts(Deployment(VARIANT, 128, "b-lite-provided-zip-128-arm64"), reports)


def test_document_has_keys_of_lambda_perf() -> None:
    """A function has exactly the keys that lambda-perf's page reads, in ms and MB with three digits."""
    moment = datetime(2025, 1, 2, 4, 4, 5, 678901, tzinfo=timezone(timedelta(hours=1)))
    found = document([measured(0.0123456, 0.0134567)], moment)

    assert found == {
        "metadata": {"generatedAt": "2025-01-02T03:04:05.678Z"},
        "runtimeData": [
            {
                "r": "b-lite-provided-zip-128-arm64",
                "p": "zip",
                "d": "lite, python3.13 (prov.al2023)",
                "i": [12.346, 13.457],
                "m": 128,
                "a": "arm64",
                "mu": 30.5,
                "ad": 3.0,
                "acd": 12.902,
            }
        ],
    }
    line = text(found)
    assert json.loads(line) == found and line.count("\n") == 1 and ", " not in line.replace("lite, ", "")


def test_first_ten_inits_are_written() -> None:
    """A function has ten init durations, as many as the page draws, and their mean."""
    (shown,) = document([measured(*[0.01] * 10, 5.0)], datetime.now(timezone.utc))["runtimeData"]

    assert shown["i"] == [10.0] * 10
    assert shown["acd"] == 10.0


def test_unmeasured_function_is_left_out() -> None:
    """A function without a cold start is not in the document."""
    assert document([measured()], datetime.now(timezone.utc))["runtimeData"] == []
