"""AWS_LAMBDA_LOG_TIMESTAMP_PRECISION adds milliseconds to the times of JSON logs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import Reaction
from tests.process.lite import run_lite

SOURCE = """
import logging

def handler(event, context):
    if event:
        raise ValueError("x")
    logging.warning("said")
"""
SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest.mark.parametrize("telemetry", [False, True], ids=["standard output", "frames"])
@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        ("milliseconds", r"\.\d{3}"),
        ("MILLISECONDS", r"\.\d{3}"),
        ("seconds", ""),
        ("nanoseconds", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_json_times_have_chosen_precision(tmp_path: Path, value: str | None, fraction: str, telemetry: bool) -> None:
    """Records, error records and the runtime's own lines have milliseconds if the value is `milliseconds`."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=413) if request.verb == "response" else None

    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_TIMESTAMP_PRECISION": value}
    done = run_lite(tmp_path, SOURCE, [Event(b"0"), Event(b"1")], env=env, react=react, telemetry=telemetry)
    frames = [frame.text for frame in done.frames or ()]
    records = [json.loads(line) for line in done.stdout.decode().splitlines() + frames]
    assert [record["level"] for record in records] == ["WARNING", "WARNING", "ERROR"]
    for record in records:
        assert re.fullmatch(f"{SECONDS}{fraction}Z", record["timestamp"]), record


def test_text_logs_stay(tmp_path: Path) -> None:
    """Text records have milliseconds anyway, and error records have no time."""
    env = {"AWS_LAMBDA_LOG_TIMESTAMP_PRECISION": "milliseconds"}
    done = run_lite(tmp_path, SOURCE, [Event(b"0"), Event(b"1")], env=env)
    said, error = done.stdout.decode().rstrip().split("\n")
    assert re.fullmatch(rf"\[WARNING\]\t{SECONDS}\.\d{{3}}Z\trequest-0\tsaid", said)
    assert error.startswith("[ERROR] ValueError: x\rTraceback")
