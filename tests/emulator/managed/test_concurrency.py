"""Concurrent invocations in one environment: each has a matching response, log and report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awslambdaric_lite.emulator import TooManyRequests
from tests.emulator.waiting import WAIT

from .fleet import ASYNCIO, EACH, PROCESSES, Runtime, fleet, platform, records


@pytest.mark.parametrize("runtime", EACH)
def test_one_environment_fills_all_slots(runtime: Runtime, tmp_path: Path) -> None:
    """One environment runs as many concurrent invocations as it has slots, each with a matching response."""
    with fleet(tmp_path, runtime, concurrency=1) as running:
        for cold in (True, False):
            results = running.meet(4)
            answers = [result.json() for result in results]
            assert [answer["name"] for answer in answers] == ["n0", "n1", "n2", "n3"]
            assert [answer["id"] for answer in answers] == [result.request_id for result in results]
            assert [result.cold for result in results] == [cold] * 4
            assert len({answer["pid"] for answer in answers}) == (1 if runtime is ASYNCIO else 4)
        (environment,) = running.function.environments
        variables = answers[0]["env"]
        assert variables["AWS_LAMBDA_MAX_CONCURRENCY"] == "4"
        assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
        assert (variables["AWS_LAMBDA_LOG_FORMAT"], variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("JSON", "2048")
        assert variables["AWS_LAMBDA_LOG_STREAM_NAME"] == environment.log_stream


@pytest.mark.parametrize("runtime", EACH)
def test_record_belongs_to_its_request_id(runtime: Runtime, tmp_path: Path) -> None:
    """A record is in the log of the invocation with its request id, between start and report."""
    with fleet(tmp_path, runtime, concurrency=1) as running:
        running.meet(1)
        for number, result in enumerate(running.meet(4)):
            own = records(result.logs)
            ids = [each.get("requestId") or each["record"]["requestId"] for each in own]
            assert set(ids) == {result.request_id}
            assert [each.get("type") or each["message"] for each in own] == [
                *("platform.start", f"begins n{number}", f"ends n{number}", "platform.report")
            ]
            (report,) = platform(result.logs, "report")
            assert list(report["metrics"]) == ["durationMs"]
            assert report["metrics"]["durationMs"] == pytest.approx(result.report.duration_ms, abs=0.001)
            assert [span["name"] for span in report["spans"]] == ["responseLatency", "responseDuration"]
            assert (report["status"], result.report.status) == ("success", "success")
            assert result.report.max_memory_used_mb > 0
        assert not platform("\n".join(running.lines), "runtimeDone")


def test_plain_line_is_in_all_logs(tmp_path: Path) -> None:
    """A line without request id is in the logs of all running invocations; init output is in the first log."""
    source = PROCESSES.source.replace("    for _ in absent", "    print('plain', event['name'])\n    for _ in absent")
    with fleet(tmp_path, PROCESSES, source + "print('loading')\n", concurrency=1) as running:
        first = running.meet(1)[0].logs
        assert [each["phase"] for each in platform(first, "initStart")] == ["init"]
        assert first.index("loading\n") < first.index("platform.start")
        results = running.meet(2)
        printed = [[line for line in result.logs.splitlines() if line.startswith("plain")] for result in results]
        assert any(sorted(lines) == ["plain n0", "plain n1"] for lines in printed)
        assert "plain n0" in printed[0] and "plain n1" in printed[1]
        assert "loading" not in results[0].logs + results[1].logs


def test_full_environment_starts_another_up_to_limit(tmp_path: Path) -> None:
    """An invocation starts another environment only if all slots are busy, and above the limit it is rejected."""
    with fleet(tmp_path, PROCESSES, managed_concurrency=2, concurrency=2) as running:
        event = running.meeting(5)
        calls = [running.call({**event, "name": f"n{number}"}) for number in range(2)]
        running.joined(event, 2)
        assert len(running.function.environments) == 1
        calls += [running.call({**event, "name": f"n{number}"}) for number in (2, 3)]
        running.joined(event, 4)
        assert len(running.function.environments) == 2
        with pytest.raises(TooManyRequests, match="all 2 execution environments"):
            running.function.invoke()
        Path(event["meet"], "the test").touch()
        answers = [call.result(WAIT).json() for call in calls]
        streams = [answer["env"]["AWS_LAMBDA_LOG_STREAM_NAME"] for answer in answers]
        assert streams[0] == streams[1] != streams[2] == streams[3]
        assert [result.cold for result in running.meet(2)] == [False, False]
        assert len(running.function.environments) == 2


def test_async_events_fill_free_slots(tmp_path: Path) -> None:
    """Asynchronous events fill free slots of one environment, and none is lost."""
    with fleet(tmp_path, PROCESSES, concurrency=1) as running:
        event = running.meeting(4)
        for number in range(20):
            running.function.invoke_async({**event, "name": f"n{number}"})
        running.function.wait_for_async()
        assert len(running.function.environments) == 1
    reports = platform("\n".join(running.lines), "report")
    assert len({report["requestId"] for report in reports}) == 20
    begun = [record["message"] for record in running.records() if str(record.get("message")).startswith("begins")]
    assert sorted(begun) == sorted(f"begins n{number}" for number in range(20))


@pytest.mark.parametrize("runtime", EACH)
def test_sequential_invocation_waits_for_worker(runtime: Runtime, tmp_path: Path) -> None:
    """A sequential invocation waits for the worker that has just replied to poll again."""
    with fleet(tmp_path, runtime, managed_concurrency=1, concurrency=1) as running:
        results = [running.function.invoke({"name": f"n{number}"}) for number in range(50)]
        assert [result.json()["name"] for result in results] == [f"n{number}" for number in range(50)]
        assert len(platform("\n".join(running.lines), "initStart")) == 1


def test_stream_runs_beside_buffered_invocations(tmp_path: Path) -> None:
    """A stream and buffered invocations run concurrently in one environment."""
    source = PROCESSES.source.replace("def handler", "def buffered") + (
        "def stream(event):\n"
        "    yield 'first '\n"
        "    for _ in absent(event):\n"
        "        time.sleep(0.002)\n"
        "    yield 'last'\n"
        "def handler(event, context):\n"
        "    return stream(event) if event.get('stream') else buffered(event, context)\n"
    )
    with fleet(tmp_path, PROCESSES, source, concurrency=1) as running:
        event = running.meeting(3)
        stream = running.function.invoke_stream({**event, "name": "stream", "stream": True})
        parts = iter(stream)
        assert next(parts) == b"first "
        calls = [running.call({**event, "name": f"n{number}"}) for number in range(2)]
        assert [call.result(WAIT).json()["name"] for call in calls] == ["n0", "n1"]
        assert b"".join(parts) == b"last"
        assert len(running.function.environments) == 1


def test_runtime_returns_attempt_id(tmp_path: Path) -> None:
    """The runtime returns the attempt id that Managed Instances send."""
    from awslambdaric_lite.emulator import ApiOptions

    with fleet(tmp_path, PROCESSES, api=ApiOptions(record_requests=True)) as running:
        assert running.function.invoke({"name": "n"}, client_context={"custom": {"a": "b"}}).error is None
        requests = running.function.environments[0].requests
    (reply,) = [request for request in requests if request.path.endswith("/response")]
    assert reply.header("Lambda-Runtime-Invocation-Id")


def test_running_request_id_is_rejected(tmp_path: Path) -> None:
    """A request id that is running is rejected, and is accepted again afterwards."""
    from awslambdaric_lite.emulator import EmulatorError

    with fleet(tmp_path, PROCESSES) as running:
        event = running.meeting(2)
        call = running.call({**event, "name": "n0"}, request_id="twice")
        running.joined(event, 1)
        with pytest.raises(EmulatorError, match="request id twice is running"):
            running.function.invoke({}, request_id="twice")
        Path(event["meet"], "the test").touch()
        assert call.result(WAIT).json()["id"] == "twice"
        assert json.loads(running.function.invoke({}, request_id="twice").payload)["id"] == "twice"
